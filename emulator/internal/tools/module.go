package tools

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// ModuleFolder returns the folder of a module on which a tool depends, and downloads the module
// if needed. folder is the tool's folder in toolsDir.
func ModuleFolder(ctx context.Context, toolsDir, folder, module string) (string, error) {
	list := func() (string, error) {
		cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module)
		cmd.Dir = filepath.Join(toolsDir, folder)
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("%w\n%s%s", err, said.String(), advice(said.String()))
		}
		return strings.TrimSpace(string(out)), err
	}
	dir, err := list()
	if err == nil && dir == "" {
		cmd := exec.CommandContext(ctx, "go", "mod", "download", module)
		cmd.Dir = filepath.Join(toolsDir, folder)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("downloading module %s: %w\n%s%s", module, err, out, advice(string(out)))
		}
		dir, err = list()
	}
	if err != nil {
		return "", fmt.Errorf("module %s: %w", module, err)
	}
	return dir, nil
}
