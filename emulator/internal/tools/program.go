package tools

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/layout"
)

const (
	// TargetName is the file name, in shell, under which the language host keeps the
	// program of the working directory.
	TargetName = `$(pwd | cksum | tr ' ' -)`
	// ProgramFlags are those that the language host is given through GOFLAGS. Without
	// symbols, linking takes half the time; stack traces need none. Without the revision in
	// the binary, a commit is no reason to link again.
	ProgramFlags = "-buildvcs=false -ldflags=-s"
)

// Programs is where the language host keeps the programs that it has built.
func Programs(l layout.Layout) string { return filepath.Join(l.Cache(), "programs") }

// Program is the build that the language host would make of the program in a folder, to
// the same file, so that the host finds nothing left to do: the host says nothing while it
// compiles. There is no step if that file is newer than the program's sources.
func Program(ctx context.Context, l layout.Layout, folder string) ([]Step, error) {
	name := exec.CommandContext(ctx, "sh", "-c", "echo "+TargetName)
	name.Dir = folder
	out, err := name.Output()
	if err != nil {
		return nil, fmt.Errorf("naming the program's build: %w", err)
	}
	target := filepath.Join(Programs(l), strings.TrimSpace(string(out)))
	changed, err := lastChange(folder)
	if err != nil {
		return nil, err
	}
	if built, err := os.Stat(target); err == nil && built.ModTime().After(changed) {
		return nil, nil
	}
	return []Step{{Name: "program", Dir: folder, Flags: append(strings.Fields(ProgramFlags), "-o", target), Packages: []string{"."}, Seconds: 180}}, nil
}

// lastChange is when the newest file that may be part of the module in a folder was
// written. Below the module's root that is every file but tests, since any can be embedded.
func lastChange(folder string) (newest time.Time, err error) {
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, root := entry.Name(), filepath.Dir(path) == folder
		if entry.IsDir() {
			_, module := os.Stat(filepath.Join(path, "go.mod"))
			if path != folder && (module == nil || name == "testdata" || strings.HasPrefix(name, ".") || root && name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, "_test.go") || root && !strings.HasSuffix(name, ".go") && name != "go.mod" && name != "go.sum" {
			return nil
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return err
	})
	return newest, err
}

// Emulator is the build of the emulator itself, whose module is in a folder, as the
// Makefile makes it.
func Emulator(folder, to string) Step {
	return Step{Name: "emulator", Dir: folder, Flags: []string{"-buildvcs=false", "-ldflags", "-s -w", "-o", to}, Packages: []string{"./cmd/emulator"}, Seconds: 90}
}
