package portable

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMakeExplainsThatItNeedsLinux(t *testing.T) {
	programs := t.TempDir()
	for name, text := range map[string]string{"uname": "echo Darwin", "go": "echo go was called; exit 1"} {
		require.NoError(t, os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	}
	for _, target := range []string{"up", "down", "preview", "review", "test", "check", "emulator"} {
		cmd := exec.Command("make", target)
		cmd.Dir = program
		cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "MAKEFLAGS=", "MAKELEVEL=")
		out, err := cmd.CombinedOutput()
		require.Error(t, err, target)
		first, _, _ := strings.Cut(string(out), "\n")
		assert.Contains(t, first, "runs on Linux only", target)
		assert.Contains(t, first, "use a Linux machine, virtual machine or container", target)
		assert.NotContains(t, string(out), "go was called", target)
	}
}

func TestTheHelpFitsATerminalOf80Columns(t *testing.T) {
	cmd := exec.Command("make", "help")
	cmd.Dir = program
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Greater(t, strings.Count(string(out), "\n"), 15)
	for line := range strings.Lines(string(out)) {
		assert.LessOrEqual(t, len(strings.TrimSpace(line)), 80, line)
	}
}

// bootstrap runs make up in an empty checkout, with a script in place of go.
func bootstrap(t *testing.T, script string) (string, error) {
	t.Helper()
	checkout, programs := t.TempDir(), t.TempDir()
	text, err := os.ReadFile(filepath.Join(program, "Makefile"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(checkout, "Makefile"), text, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(checkout, "emulator"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(programs, "go"), []byte("#!/bin/sh\nfor i in $(seq 20); do echo go: downloading module $i >&2; done\n"+script), 0o755))
	cmd := exec.Command("make", "bootstrap")
	cmd.Dir = checkout
	cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "MAKEFLAGS=", "MAKELEVEL=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestMakeSaysThatItBuildsTheEmulatorOnlyIfItDoes(t *testing.T) {
	checkout, programs := t.TempDir(), t.TempDir()
	text, err := os.ReadFile(filepath.Join(program, "Makefile"))
	require.NoError(t, err)
	for name, script := range map[string]string{
		filepath.Join(checkout, "Makefile"): string(text), filepath.Join(checkout, "emulator", "main.go"): "package main\n",
		filepath.Join(programs, "go"): "#!/bin/sh\ntouch ../bin/emulator\nchmod +x ../bin/emulator\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(script), 0o700))
	}
	require.NoError(t, os.Mkdir(filepath.Join(checkout, "bin"), 0o700))
	run := func() string {
		cmd := exec.Command("make", "emulator")
		cmd.Dir = checkout
		cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "MAKEFLAGS=", "MAKELEVEL=")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	assert.Contains(t, run(), "building the emulator (two minutes")
	assert.Empty(t, run(), "nothing has changed")
	later := time.Now().Add(time.Minute)
	require.NoError(t, os.Chtimes(filepath.Join(checkout, "emulator", "main.go"), later, later))
	assert.Equal(t, "building the emulator, whose sources have changed\n", run())
}

func TestTheBuilderShowsProgressWithoutDownloads(t *testing.T) {
	out, err := bootstrap(t, "printf '#!/bin/sh\\necho step 1 of 9\\n' >../bin/bootstrap; chmod +x ../bin/bootstrap\n")
	require.NoError(t, err, out)
	assert.Contains(t, out, "step 1 of 9")
	assert.NotContains(t, out, "downloading")
}

func TestABuilderThatDoesNotCompileShowsTheEndOfItsLog(t *testing.T) {
	out, err := bootstrap(t, "echo undefined: something >&2; exit 1\n")
	require.Error(t, err)
	assert.Contains(t, out, "undefined: something")
	assert.Contains(t, out, "all of go's output is in bin/bootstrap.log")
	assert.NotContains(t, out, "module 1\n", "only the end")
}
