package tools

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
)

// checkout is a tools folder with one small program, and an emulator's folder that
// nothing has ever been written to.
func checkout(t *testing.T) (layout.Layout, string, Tool) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "hello"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello", "go.mod"), []byte("module hello\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello", "main.go"), []byte("package main\n\nfunc main() { println(\"hello\") }\n"), 0o600))
	root := filepath.Join(t.TempDir(), "fresh")
	require.NoError(t, os.MkdirAll(root, 0o700))
	return layout.Layout{Root: root}, dir, Tool{Name: "hello", Folder: "hello", Package: "hello", Version: "1.0.0"}
}

func ensure(t *testing.T, l layout.Layout, dir string, tool Tool) string {
	t.Helper()
	var said strings.Builder
	require.NoError(t, Ensure(context.Background(), l, dir, []Tool{tool}, &said))
	return said.String()
}

func TestAToolIsBuiltOnceInAFreshFolderAndAgainWhenItChanges(t *testing.T) {
	l, dir, tool := checkout(t)
	assert.Contains(t, ensure(t, l, dir, tool), "[1/1] hello: building version 1.0.0")
	require.FileExists(t, filepath.Join(l.Bin(), "hello"))
	assert.Empty(t, ensure(t, l, dir, tool), "nothing is missing")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello", "main.go"), []byte("package main\n\nfunc main() { println(\"world\") }\n"), 0o600))
	assert.Contains(t, ensure(t, l, dir, tool), "building", "its source has changed")
	tool.Version = "1.0.1"
	assert.Contains(t, ensure(t, l, dir, tool), "building version 1.0.1")
	require.NoError(t, os.Remove(filepath.Join(l.Bin(), "hello")))
	assert.Contains(t, ensure(t, l, dir, tool), "building", "the program is gone")
}

func TestAToolThatDoesNotCompileIsNamed(t *testing.T) {
	l, dir, tool := checkout(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello", "main.go"), []byte("package main\n\nfunc main() { undefined() }\n"), 0o600))
	err := Ensure(context.Background(), l, dir, []Tool{tool}, io.Discard)
	require.ErrorContains(t, err, "hello")
	require.ErrorContains(t, err, "undefined")
	assert.NoFileExists(t, filepath.Join(l.Bin(), "hello"))
}

func TestACheckoutWithoutTheToolsModuleSaysSo(t *testing.T) {
	l, dir, tool := checkout(t)
	tool.Folder = "other"
	require.ErrorContains(t, Ensure(context.Background(), l, dir, []Tool{tool}, io.Discard), "is missing from the checkout")
}
