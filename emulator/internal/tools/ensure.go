package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"sglang-tpu/emulator/internal/layout"
)

// diskNeeded is the disk space in GiB for Go's build cache, modules and binaries.
const diskNeeded = 6

// Ensure builds the tools of a set that are missing or out of date in l.Bin(), in parallel with
// further steps. toolsDir has a module for each tool. It waits for builds of other processes in
// the same folder.
func Ensure(ctx context.Context, l layout.Layout, toolsDir string, set []Tool, out io.Writer, further ...Step) error {
	b := builder{layout: l, dir: toolsDir, goFlags: goFlags(ctx)}
	missing, err := b.missing(set)
	if err != nil || len(missing)+len(further) == 0 {
		return err
	}
	if err := b.prerequisites(); err != nil {
		return err
	}
	unlock, err := lock(ctx, filepath.Join(l.Cache(), "build.lock"), out)
	if err != nil {
		return err
	}
	defer unlock()
	if missing, err = b.missing(missing); err != nil { // another process may have built them
		return err
	}
	steps := append(b.steps(missing), further...)
	if len(steps) == 0 {
		return nil
	}
	err = Run(ctx, steps, b.log(), l.Tmp(), out)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w\n(the full output is in %s)", err, b.log())
	}
	return err
}

// missing returns the tools of a set that do not exist or are out of date.
func (b builder) missing(set []Tool) ([]Tool, error) {
	var missing []Tool
	for _, t := range set {
		fresh, err := b.fresh(t)
		if err != nil {
			return nil, err
		}
		if !fresh {
			missing = append(missing, t)
		}
	}
	return missing, nil
}

func names(steps []Step) string {
	all := make([]string, len(steps))
	for i, s := range steps {
		all[i] = s.Name
	}
	return strings.Join(all, ", ")
}

type builder struct {
	layout  layout.Layout
	dir     string
	goFlags []string // the user's
}

// Stamps returns the files with the fingerprints of tools.
func Stamps(l layout.Layout, set []Tool) []string {
	files := make([]string, len(set))
	for i, t := range set {
		files[i] = stamp(l, t)
	}
	return files
}

// stamps returns the folder of the tools' fingerprints.
func stamps(l layout.Layout) string { return filepath.Join(l.Cache(), "tools") }

func stamp(l layout.Layout, t Tool) string { return filepath.Join(stamps(l), t.Name) }

// log returns the file with the output of the last builds.
func (b builder) log() string { return filepath.Join(b.layout.Logs(), "build.log") }

// fresh reports whether a tool exists and its fingerprint is the current one.
func (b builder) fresh(t Tool) (bool, error) {
	want, err := b.fingerprint(t)
	if err != nil {
		return false, err
	}
	// Stat follows links, whose targets may be removed.
	_, binary := os.Stat(filepath.Join(b.layout.Bin(), t.Name))
	have, unstamped := os.ReadFile(stamp(b.layout, t))
	return binary == nil && unstamped == nil && string(have) == want, nil
}

// fingerprint returns a hash of everything from which a tool is built.
func (b builder) fingerprint(t Tool) (string, error) {
	text := fmt.Sprintln(t.Package, t.Version, t.Linker, runtime.Version())
	if len(t.Lean) > 0 {
		text += fmt.Sprintln(t.Lean)
	}
	if len(b.goFlags) > 0 {
		text += fmt.Sprintln(b.goFlags)
	}
	folder := filepath.Join(b.dir, t.Folder)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", fmt.Errorf("%s is missing from the checkout", folder)
	}
	files := make([]string, len(entries))
	for i, e := range entries {
		files[i] = e.Name()
	}
	return layout.Hash(text, folder, files...)
}

// goFlags returns the user's settings of Go that affect the built programs: GOFLAGS, except
// flags that only affect the build itself, and settings of compiler and platform that differ
// from their defaults. It runs go, which also knows the settings of go env -w.
func goFlags(ctx context.Context) []string {
	platform := []string{"GOEXPERIMENT", "GOAMD64", "GOARM64", "GOOS", "GOARCH"}
	out, err := exec.CommandContext(ctx, "go", append([]string{"env", "-json", "-changed", "GOFLAGS"}, platform...)...).Output()
	var set map[string]string
	if err != nil || json.Unmarshal(out, &set) != nil {
		return nil // the build reports the error
	}
	flags := slices.DeleteFunc(strings.Fields(set["GOFLAGS"]), func(flag string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		return slices.Contains([]string{"buildvcs", "mod", "modcacherw", "p", "v", "x"}, name)
	})
	for _, name := range platform {
		if set[name] != "" {
			flags = append(flags, name+"="+set[name])
		}
	}
	return flags
}

// prerequisites checks that a build can succeed.
func (b builder) prerequisites() error {
	if _, err := exec.LookPath("go"); err != nil {
		return errors.New("Go is not on PATH, and tools have to be built; install Go 1.26 or newer")
	}
	for _, dir := range []string{b.layout.Bin(), b.layout.Tmp(), stamps(b.layout)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(b.layout.Root, &disk); err != nil {
		return err
	}
	if free := disk.Bavail * uint64(disk.Bsize) >> 30; free < diskNeeded {
		return fmt.Errorf("the disk of %s has %d GiB free; building the tools needs %d GiB", b.layout.Root, free, diskNeeded)
	}
	return nil
}

// next returns the temporary path of a tool.
func (b builder) next(name string) string { return filepath.Join(b.layout.Bin(), name+".new") }

// place moves a tool to its path and records its fingerprint.
func (b builder) place(t Tool, from string) error {
	if err := os.Rename(from, filepath.Join(b.layout.Bin(), t.Name)); err != nil {
		return err
	}
	sum, err := b.fingerprint(t)
	if err != nil {
		return err
	}
	return os.WriteFile(stamp(b.layout, t), []byte(sum), 0o600)
}

// steps returns one step for each module, because the tools of a module share most of their
// packages.
func (b builder) steps(missing []Tool) []Step {
	var steps []Step
	for len(missing) > 0 {
		first := missing[0]
		var group, others []Tool
		for _, t := range missing {
			if t.Folder == first.Folder && t.Linker == first.Linker && slices.Equal(t.Lean, first.Lean) {
				group = append(group, t)
			} else {
				others = append(others, t)
			}
		}
		missing = others
		steps = append(steps, b.step(group))
	}
	return steps
}

// step returns the step that builds tools of one module. It builds them in a temporary folder,
// where go chooses the names, and moves them to their paths.
func (b builder) step(group []Tool) Step {
	folder := b.next(group[0].Folder)
	output := folder + string(filepath.Separator)
	if len(group) == 1 {
		output = filepath.Join(folder, group[0].Name)
	}
	s := Step{
		Name:  group[0].Folder,
		Dir:   filepath.Join(b.dir, group[0].Folder),
		Flags: []string{"-buildvcs=false", "-ldflags", strings.TrimSpace("-s -w " + group[0].Linker), "-o", output},
	}
	for _, pattern := range group[0].Lean {
		s.Flags = append(s.Flags, "-gcflags", pattern+"=-l -dwarf=false")
	}
	for _, t := range group {
		s.Packages = append(s.Packages, t.Package)
		s.Seconds += t.Seconds
	}
	s.Place = func() error {
		for _, t := range group {
			if err := b.place(t, filepath.Join(folder, t.Name)); err != nil {
				return err
			}
		}
		return os.RemoveAll(folder)
	}
	return s
}
