package sandbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
)

// withStack writes the configuration of a stack into the program's folder.
func withStack(t *testing.T, c *Sandbox, stack string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(c.Program, "Pulumi."+stack+".yaml"), []byte("config: {}\n"), 0o600))
}

func TestTheEnvironmentOfAnUnknownStackIsAnError(t *testing.T) {
	var out strings.Builder
	c := &Sandbox{Layout: layout.Layout{Root: t.TempDir()}, Program: t.TempDir(), Out: &out}
	withStack(t, c, "dev")
	withStack(t, c, "prod")
	err := c.printEnv("pord")
	require.ErrorContains(t, err, `there is no stack "pord"`)
	require.ErrorContains(t, err, "There are dev, prod")
	assert.Empty(t, out.String(), "a shell that evaluates it stays as it was")
}

func TestTheEnvironmentSurvivesAShell(t *testing.T) {
	root := filepath.Join(t.TempDir(), "it's a folder")
	var out strings.Builder
	c := &Sandbox{Layout: layout.Layout{Root: root}, Checkout: t.TempDir(), Program: t.TempDir(), Out: &out}
	withStack(t, c, "dev")
	require.NoError(t, c.printEnv("dev"))
	cmd := exec.Command("bash", "-c", out.String()+"\n"+`printf '%s\n' "$PULUMI_STACK" "$KUBECONFIG" "$TMPDIR"`)
	said, err := cmd.Output()
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	assert.Equal(t, []string{"dev", c.Layout.Kubeconfig("dev"), c.Layout.ShellTmp()}, lines)
}

// The test binary replaces the emulator.
func TestPulumiInTheShellAppliesEditsFirst(t *testing.T) {
	var out strings.Builder
	c := &Sandbox{Layout: layout.Layout{Root: t.TempDir()}, Checkout: t.TempDir(), Program: t.TempDir(), Out: &out}
	withStack(t, c, "dev")
	require.NoError(t, c.printEnv("dev"))
	self, err := os.Executable()
	require.NoError(t, err)
	script := strings.ReplaceAll(out.String(), quote(self), "emulator")
	require.NoError(t, os.MkdirAll(c.Layout.Bin(), 0o700))
	for name, body := range map[string]string{"emulator": `echo "emulator $*"; [ ! -e refused ]`, "pulumi": `echo "pulumi $*"`} {
		require.NoError(t, os.WriteFile(filepath.Join(c.Layout.Bin(), name), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	}
	typed := func() string {
		cmd := exec.Command("bash", "-c", script+"\npulumi preview --diff 'a b'")
		said, _ := cmd.Output() // it fails if emulator config does
		return string(said)
	}
	assert.Equal(t, "emulator config dev\npulumi preview --diff a b\n", typed())
	set := exec.Command("bash", "-c", script+"\npulumi config set replicas 3")
	said, err := set.CombinedOutput()
	require.NoError(t, err)
	assert.Contains(t, string(said), "to keep the change, edit Pulumi.dev.yaml")
	require.NoError(t, os.WriteFile(filepath.Join(c.Checkout, "refused"), nil, 0o600))
	assert.Equal(t, "emulator config dev\n", typed(), "a file that cannot be read is not passed over")
}

func TestLoadingTheEnvironmentTwiceHasNoFurtherEffect(t *testing.T) {
	c := &Sandbox{Layout: layout.Layout{Root: "/somewhere"}}
	t.Setenv("PATH", "/usr/bin:/bin")
	once := c.exports("dev")["PATH"]
	assert.Equal(t, c.Layout.Bin()+":/usr/bin:/bin", once)
	t.Setenv("PATH", once)
	assert.Equal(t, once, c.exports("dev")["PATH"])
}

func TestACommandsEnvironmentHoldsEachNameOnce(t *testing.T) {
	t.Setenv("KUBECONFIG", "/home/somebody/.kube/config")
	c := &Sandbox{Layout: layout.Layout{Root: "/somewhere"}}
	seen := map[string]string{}
	for _, pair := range c.Environ("dev") {
		name, value, _ := strings.Cut(pair, "=")
		assert.NotContains(t, seen, name)
		seen[name] = value
	}
	assert.Equal(t, c.Layout.Kubeconfig("dev"), seen["KUBECONFIG"])
	assert.Equal(t, c.Layout.Tmp(), seen["TMPDIR"], "by which what is left of a killed command is known")
	assert.Equal(t, os.Getenv("HOME"), seen["HOME"])
}

func TestSweepOnlyKillsProcessesOfTheFolder(t *testing.T) {
	c := &Sandbox{Layout: layout.Layout{Root: t.TempDir()}}
	sleeper := func(tmp string) *exec.Cmd {
		cmd := exec.Command("sleep", "60")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + tmp}
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		return cmd
	}
	ours, daemons := sleeper(c.Layout.Tmp()), sleeper(c.Layout.DaemonTmp())
	container := sleeper(filepath.Join(c.Layout.Pod("uid"), "containers", "c", "root", "tmp"))
	reaped := make(chan error, 2)
	for _, killed := range []*exec.Cmd{ours, container} {
		go func() { reaped <- killed.Wait() }()
	}
	assert.True(t, sweep(c.Layout.Tmp()))
	require.Error(t, <-reaped, "it was killed")
	for _, other := range []*exec.Cmd{daemons, container} {
		assert.DirExists(t, filepath.Join("/proc", strconv.Itoa(other.Process.Pid)))
	}
	assert.False(t, sweep(c.Layout.Tmp()))

	require.NoError(t, c.Daemon().Stop())
	require.Error(t, <-reaped, "no daemon was there to end what its pods left")
}
