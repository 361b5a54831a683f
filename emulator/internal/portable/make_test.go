package portable

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMakeSaysWhatToDoElsewhereThanOnLinux(t *testing.T) {
	programs := t.TempDir()
	for name, text := range map[string]string{"uname": "echo Darwin", "go": "echo go was called; exit 1"} {
		require.NoError(t, os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	}
	for _, target := range []string{"up", "down", "preview", "review", "test", "check", "emulator"} {
		cmd := exec.Command("make", target)
		cmd.Dir = program
		cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "MAKEFLAGS=")
		out, err := cmd.CombinedOutput()
		require.Error(t, err, target)
		first, _, _ := strings.Cut(string(out), "\n")
		assert.Contains(t, first, "runs on Linux only", target)
		assert.Contains(t, first, "use a Linux machine, virtual machine or container", target)
		assert.NotContains(t, string(out), "go was called", target)
	}
}
