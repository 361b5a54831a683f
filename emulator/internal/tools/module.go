package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// ModuleFolder returns the folder of a module on which a tool depends, and downloads the module
// if needed. folder is the tool's folder in toolsDir.
func ModuleFolder(ctx context.Context, toolsDir, folder, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir = filepath.Join(toolsDir, folder)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	var found struct{ Dir, Error string }
	if err := errors.Join(err, json.Unmarshal(out, &found)); err != nil {
		said.WriteString(found.Error)
		return "", fmt.Errorf("downloading module %s: %w\n%s%s", module, err, said.String(), advice(said.String()))
	}
	return found.Dir, nil
}
