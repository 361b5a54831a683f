package tools

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sglang-tpu/emulator/internal/layout"
)

const (
	// TargetName is the file name, in shell, under which the language host keeps the
	// program of the working directory.
	TargetName = `$(pwd | cksum | tr ' ' -)`
	// ProgramFlags are those that the language host is given through GOFLAGS. Without
	// symbols, linking takes half the time; stack traces need none.
	ProgramFlags = "-ldflags=-s"
)

// Programs is where the language host keeps the programs that it has built.
func Programs(l layout.Layout) string { return filepath.Join(l.Cache(), "programs") }

// Program is the build that the language host would make of the program in a folder, to
// the same file, so that the host finds nothing left to do. It is none if that has been
// built since its modules changed: Go's cache then holds nearly all of it.
func Program(ctx context.Context, l layout.Layout, folder string) ([]Step, error) {
	name := exec.CommandContext(ctx, "sh", "-c", "echo "+TargetName)
	name.Dir = folder
	out, err := name.Output()
	if err != nil {
		return nil, fmt.Errorf("naming the program's build: %w", err)
	}
	target := filepath.Join(Programs(l), strings.TrimSpace(string(out)))
	modules, err := os.Stat(filepath.Join(folder, "go.mod"))
	if err != nil {
		return nil, err
	}
	if built, err := os.Stat(target); err == nil && built.ModTime().After(modules.ModTime()) {
		return nil, nil
	}
	return []Step{{Name: "program", Dir: folder, Flags: []string{ProgramFlags, "-o", target}, Packages: []string{"."}, Seconds: 180}}, nil
}

// Emulator is the build of the emulator itself, whose module is in a folder, as the
// Makefile makes it.
func Emulator(folder, to string) Step {
	return Step{Name: "emulator", Dir: folder, Flags: []string{"-buildvcs=false", "-ldflags", "-s -w", "-o", to}, Packages: []string{"./cmd/emulator"}, Seconds: 90}
}
