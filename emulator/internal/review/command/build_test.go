package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/review/revision"
	"sglang-tpu/emulator/internal/sandbox"
)

func TestTheBuildOfAProgramIsSaidWhenItBegins(t *testing.T) {
	var said strings.Builder
	r := &command{Sandbox: &sandbox.Sandbox{Layout: layout.Layout{Root: t.TempDir()}, Out: &said}, folder: t.TempDir()}
	tree := revision.Tree{Dir: t.TempDir(), Name: "0123456789"}
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(tree.Dir, name), []byte(text), 0o600))
	}
	write("Pulumi.yaml", "name: hello\nruntime: go\n")
	write("go.mod", "module hello\n\ngo 1.26\n")
	write("main.go", "package main\n\nfunc main() {}\n")
	hash := strings.Repeat("a", 64)
	require.NoError(t, r.build(t.Context(), tree, hash))
	first, _, _ := strings.Cut(said.String(), "\n")
	assert.Equal(t, "building the program of 0123456789; downloads and compiler output go to "+filepath.Join(r.folder, "build.log"), first)
	assert.FileExists(t, filepath.Join(r.folder, "built", hash[:16]))

	said.Reset()
	require.NoError(t, r.build(t.Context(), tree, hash))
	assert.Empty(t, said.String(), "it is cached")

	write("main.go", "package main\n\nfunc main() { undefined() }\n")
	err := r.build(t.Context(), tree, strings.Repeat("b", 64))
	require.ErrorContains(t, err, "building the program of 0123456789 failed")
	require.ErrorContains(t, err, "undefined: undefined")
	assert.NotContains(t, err.Error(), r.folder, "the error is in the report, which others read")
}
