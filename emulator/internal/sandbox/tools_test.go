package sandbox

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/tools"
)

func TestTheLanguageHostFindsTheProgramBuilt(t *testing.T) {
	// Ignore the developer's go settings.
	t.Setenv("GOENV", "off")
	t.Setenv("GOFLAGS", "")
	program := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(program, "go.mod"), []byte("module hello\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(program, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o600))
	c := &Sandbox{Layout: layout.Layout{Root: t.TempDir()}, Program: program, Out: io.Discard, Err: io.Discard}
	require.NoError(t, os.MkdirAll(c.Layout.Bin(), 0o755))
	require.NoError(t, c.writeHostScript())
	// A host that builds the program, like Pulumi's, and lists the packages that it compiles.
	host := "#!/bin/sh\nexec go build -v -o \"${1#-buildTarget=}\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(c.Layout.Bin(), languageHost), []byte(host), 0o755))
	run := func() string {
		cmd := exec.Command(filepath.Join(c.Layout.Bin(), "pulumi-language-go"))
		cmd.Dir = program
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, string(said))
		return string(said)
	}

	steps, err := tools.Program(context.Background(), c.Layout, program)
	require.NoError(t, err)
	require.NoError(t, tools.Ensure(context.Background(), c.Layout, "", nil, io.Discard, steps...))
	built := glob(t, tools.Programs(c.Layout))
	require.Len(t, built, 1)
	before, err := os.Stat(built[0])
	require.NoError(t, err)

	assert.Empty(t, run(), "nothing is compiled again")
	after, err := os.Stat(built[0])
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "nothing is linked again")
	assert.Len(t, glob(t, tools.Programs(c.Layout)), 1, "nor under another name")

	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-q", "-m", "A commit"}} {
		said, err := exec.Command("git", append([]string{"-C", program}, args...)...).CombinedOutput()
		require.NoError(t, err, string(said))
	}
	assert.Empty(t, run(), "nor for a commit")
	after, err = os.Stat(built[0])
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "nor linked")

	require.NoError(t, os.WriteFile(filepath.Join(program, "main.go"), []byte("package main\n\nfunc main() { println(1) }\n"), 0o600))
	assert.Contains(t, run(), "hello", "a change is compiled")
	after, err = os.Stat(built[0])
	require.NoError(t, err)
	assert.False(t, os.SameFile(before, after), "and linked")
}

func glob(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	return found
}
