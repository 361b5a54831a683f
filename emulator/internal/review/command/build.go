package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/review/revision"
)

// maxPrograms is the number of binaries that are cached, of bases and heads.
const maxPrograms = 6

// build builds a program's binary unless it is cached, and changes the project so that Pulumi
// runs it. Otherwise Pulumi would link the program for each preview, which takes longer than
// the preview.
func (r *command) build(ctx context.Context, t revision.Tree, hash string) error {
	binary := filepath.Join(r.folder, "built", hash[:16])
	if _, err := os.Stat(binary); errors.Is(err, os.ErrNotExist) {
		began := time.Now()
		for _, dir := range []string{filepath.Dir(binary), r.Layout.Tmp()} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", binary+".new", ".")
		cmd.Dir = t.Dir
		if t.Source != "" {
			cmd.Dir = t.Source // for Go's build cache
		}
		cmd.Env = append(r.Environ(""), "GOWORK=off", "CGO_ENABLED=0") // as in the language host
		// The process group includes the compilers, which are children of go.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		cmd.WaitDelay = 5 * time.Second
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build of %s: %w\n%s", t.Name, err, out)
		}
		if err := os.Rename(binary+".new", binary); err != nil {
			return err
		}
		fmt.Fprintf(r.Out, "built the program of %s (%s)\n", t.Name, time.Since(began).Round(100*time.Millisecond))
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
