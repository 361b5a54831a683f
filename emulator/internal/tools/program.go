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
	// TargetName is a shell expression for the file name of the program in the working
	// directory, which the language host builds.
	TargetName = `$(pwd | cksum | tr ' ' -)`
	// ProgramFlags are the language host's GOFLAGS. Without symbols, which stack traces do not
	// need, linking takes half the time. Without the revision, a commit does not cause linking.
	ProgramFlags = "-buildvcs=false -ldflags=-s"
)

// Programs returns the folder of the programs that the language host has built.
func Programs(l layout.Layout) string { return filepath.Join(l.Cache(), "programs") }

// Program returns the step that builds the program in a folder like the language host, to the
// same file, so that the host does not build it: the host shows no progress. There is no step
// if the file is newer than the program's sources.
func Program(ctx context.Context, l layout.Layout, folder string) ([]Step, error) {
	name := exec.CommandContext(ctx, "sh", "-c", "echo "+TargetName)
	name.Dir = folder
	out, err := name.Output()
	if err != nil {
		return nil, fmt.Errorf("the file name of the program: %w", err)
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

// lastChange returns the modification time of the newest file that may be part of the module in
// a folder. In subfolders that is every file except tests, because it may be embedded.
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

// Emulator returns the step that builds the emulator from the module in a folder, like the
// Makefile.
func Emulator(folder, to string) Step {
	return Step{Name: "emulator", Dir: folder, Flags: []string{"-buildvcs=false", "-ldflags", "-s -w", "-o", to}, Packages: []string{"./cmd/emulator"}, Seconds: 90}
}
