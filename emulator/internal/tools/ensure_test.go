package tools

import (
	"bufio"
	"context"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
)

// checkout returns an empty emulator's folder, and a tools folder with one small program.
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
	assert.Contains(t, ensure(t, l, dir, tool), "hello: built in ")
	require.FileExists(t, filepath.Join(l.Bin(), "hello"))
	assert.Empty(t, ensure(t, l, dir, tool), "nothing is missing")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello", "main.go"), []byte("package main\n\nfunc main() { println(\"world\") }\n"), 0o600))
	assert.Contains(t, ensure(t, l, dir, tool), "building", "its source has changed")
	tool.Version = "1.0.1"
	assert.Contains(t, ensure(t, l, dir, tool), "hello: built in ", "its version has changed")
	tool.Lean = []string{"hello"}
	assert.Contains(t, ensure(t, l, dir, tool), "hello: built in ", "it is compiled with other flags")
	require.NoError(t, os.Remove(filepath.Join(l.Bin(), "hello")))
	assert.Contains(t, ensure(t, l, dir, tool), "building", "the program is gone")
	t.Setenv("GOFLAGS", "-buildvcs=false -p=2")
	assert.Empty(t, ensure(t, l, dir, tool), "how it is built does not show")
	t.Setenv("GOFLAGS", "-trimpath")
	assert.Contains(t, ensure(t, l, dir, tool), "building", "the user builds with other flags")
}

func TestABuildWaitsForTheOneOfAnotherProcess(t *testing.T) {
	l, dir, tool := checkout(t)
	file := filepath.Join(l.Cache(), "build.lock")
	require.NoError(t, os.MkdirAll(l.Cache(), 0o700))
	unlock, err := lock(t.Context(), file, io.Discard)
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Ensure(ctx, l, dir, []Tool{tool}, in) }()
	said, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "another build is running in this checkout; waiting for it\n", said)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	assert.NoFileExists(t, filepath.Join(l.Bin(), "hello"), "two builds would write to one folder")

	// The other process builds the tool.
	out, in = io.Pipe()
	go func() {
		ended <- Ensure(t.Context(), l, dir, []Tool{tool}, in)
		_ = in.Close() // a pipe's Close returns nil
	}()
	reader := bufio.NewReader(out)
	_, err = reader.ReadString('\n')
	require.NoError(t, err)
	b := builder{layout: l, dir: dir, goFlags: goFlags(t.Context())}
	require.NoError(t, os.WriteFile(b.next("hello"), nil, 0o600))
	require.NoError(t, b.place(tool, b.next("hello")))
	unlock()
	rest, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.NoError(t, <-ended)
	assert.Empty(t, string(rest), "it is not built again")
}

func TestAToolThatDoesNotCompileIsNamed(t *testing.T) {
	l, dir, tool := checkout(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello", "main.go"), []byte("package main\n\nfunc main() { undefined() }\n"), 0o600))
	err := Ensure(context.Background(), l, dir, []Tool{tool}, io.Discard)
	require.ErrorContains(t, err, "hello")
	require.ErrorContains(t, err, "undefined")
	require.ErrorContains(t, err, filepath.Join(l.Logs(), "build.log"))
	log, err := os.ReadFile(filepath.Join(l.Logs(), "build.log"))
	require.NoError(t, err)
	assert.Contains(t, string(log), "hello: # hello")
	assert.NoFileExists(t, filepath.Join(l.Bin(), "hello"))
}

func TestAMissingToolsModuleIsReported(t *testing.T) {
	l, dir, tool := checkout(t)
	tool.Folder = "other"
	require.ErrorContains(t, Ensure(context.Background(), l, dir, []Tool{tool}, io.Discard), "is missing from the checkout")
}

func TestToolsOfOneModuleAreOneBuild(t *testing.T) {
	l, dir, _ := checkout(t)
	write := func(text string, at ...string) {
		file := filepath.Join(append([]string{dir}, at...)...)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	write("module programs\n\ngo 1.26\n", "programs", "go.mod")
	write("module several\n\ngo 1.26\n\nrequire programs v0.0.0\n\nreplace programs => ../programs\n", "several", "go.mod")
	var set []Tool
	for _, name := range []string{"first", "second"} {
		write("package main\n\nfunc main() {}\n", "programs", name, "main.go")
		set = append(set, Tool{Name: name, Folder: "several", Package: "programs/" + name, Version: "1.0.0"})
	}
	var said strings.Builder
	require.NoError(t, Ensure(context.Background(), l, dir, set, &said))
	assert.Contains(t, said.String(), "several: built in ")
	assert.FileExists(t, filepath.Join(l.Bin(), "first"))
	assert.FileExists(t, filepath.Join(l.Bin(), "second"))
	assert.NoDirExists(t, filepath.Join(l.Bin(), "several.new"))
	said.Reset()
	require.NoError(t, Ensure(context.Background(), l, dir, set, &said))
	assert.Empty(t, said.String(), "nothing is missing")
}

func TestToolsThatShareAModuleHaveGosDefaultNames(t *testing.T) {
	for _, set := range [][]Tool{Runtime, BuildKit, Check} {
		modules := map[string][]Tool{}
		for _, tool := range set {
			modules[tool.Folder] = append(modules[tool.Folder], tool)
		}
		for _, tools := range modules {
			for _, tool := range tools {
				if len(tools) > 1 {
					assert.Equal(t, path.Base(tool.Package), tool.Name)
				}
			}
		}
	}
}

func TestTheProgramIsBuiltAgainWhenOneOfItsSourcesIsNewer(t *testing.T) {
	l, dir, _ := checkout(t)
	folder := filepath.Join(dir, "hello")
	stale := func() []Step {
		t.Helper()
		steps, err := Program(context.Background(), l, folder)
		require.NoError(t, err)
		return steps
	}
	steps := stale()
	require.Len(t, steps, 1)
	require.NoError(t, Ensure(context.Background(), l, dir, nil, io.Discard, steps...))
	assert.Empty(t, stale())

	require.NoError(t, os.Mkdir(filepath.Join(folder, "other"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "other", "go.mod"), []byte("module other\n"), 0o600))
	for file, part := range map[string]bool{
		"go.mod": true, "main.go": true, "part/launch.sh": true, "part/part.go": true,
		"README.md": false, "main_test.go": false, "part/testdata/golden": false, ".emulator/run/log": false, "bin/emulator": false,
		"other/main.go": false, // another module
	} {
		at := filepath.Join(folder, file)
		text, err := os.ReadFile(at)
		if err != nil {
			text = []byte("package part\n")
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o700))
		require.NoError(t, os.WriteFile(at, text, 0o600))
		later := time.Now().Add(time.Minute)
		require.NoError(t, os.Chtimes(at, later, later))
		assert.Equal(t, part, len(stale()) == 1, file)
		earlier := time.Now().Add(-time.Minute)
		require.NoError(t, os.Chtimes(at, earlier, earlier))
	}
}
