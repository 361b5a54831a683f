package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sort"
	"time"

	"sglang-tpu/emulator/internal/review/revision"
	"sglang-tpu/emulator/internal/tools"
)

// maxPrograms is the number of binaries that are cached, of bases and heads.
const maxPrograms = 6

// build builds a program's binary unless it is cached, and changes the project so that Pulumi
// runs it. Otherwise Pulumi would link the program for each preview, which takes longer than
// the preview.
func (r *command) build(ctx context.Context, t revision.Tree, hash string) error {
	binary := filepath.Join(r.folder, "built", hash[:16])
	if _, err := os.Stat(binary); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
			return err
		}
		step := tools.Step{
			Name: "the program of " + t.Name, Dir: t.Dir, Seconds: 1,
			Flags: []string{"-buildvcs=false", "-ldflags", "-s -w", "-o", binary + ".new"}, Packages: []string{"."},
		}
		if t.Source != "" {
			step.Dir = t.Source // for Go's build cache
		}
		if err := tools.Run(ctx, []tools.Step{step}, filepath.Join(r.folder, "build.log"), r.Layout.Tmp(), r.Out); err != nil {
			return err
		}
		if err := os.Rename(binary+".new", binary); err != nil {
			return err
		}
		if err := prune(filepath.Dir(binary)); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return r.RunBinary(t.Dir, binary)
}

// prune removes the oldest binaries from the cache.
func prune(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	built := map[string]time.Time{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		built[e.Name()] = info.ModTime()
	}
	sort.Slice(entries, func(i, j int) bool { return built[entries[i].Name()].After(built[entries[j].Name()]) })
	for _, e := range entries[min(len(entries), maxPrograms):] {
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
