package proc

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func start(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(exec.Command("bash", "-c", script), filepath.Join(t.TempDir(), "logs", "log"))
	require.NoError(t, err)
	t.Cleanup(func() { p.Stop(context.Background(), 0) })
	return p
}

func TestExitCodesAreThoseOfAShell(t *testing.T) {
	for script, code := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -KILL $$": 137} {
		p := start(t, script)
		<-p.Done()
		assert.Equal(t, code, p.ExitCode(), script)
	}
}

func TestTheErrorOfAProcessThatEndsEarlyHasItsOutput(t *testing.T) {
	never := func() error { return errors.New("no answer") }
	err := start(t, "echo out of luck; exit 3").Ready(context.Background(), "etcd", time.Minute, never)
	require.ErrorContains(t, err, "etcd ended: exit status 3\nout of luck")
	err = start(t, "echo done").Ready(context.Background(), "etcd", time.Minute, never)
	require.EqualError(t, err, "etcd ended\ndone")
	err = start(t, "echo slow; sleep 60").Ready(context.Background(), "etcd", 200*time.Millisecond, never)
	require.ErrorContains(t, err, "etcd was not ready after 200ms: no answer")
}

func TestReadyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := start(t, "sleep 60").Ready(ctx, "etcd", time.Minute, func() error { return errors.New("no answer") })
	require.ErrorIs(t, err, context.Canceled)
}

func TestStopAllowsTimeAfterTERMAndThenKillsTheProcessGroup(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p, err := Start(exec.Command("bash", "-c", `trap 'echo asked; exit 0' TERM; sleep 60 & echo "$!"; wait`), log)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return Tail(log, 1) != "" }, 10*time.Second, 10*time.Millisecond)
	child, err := strconv.Atoi(Tail(log, 1))
	require.NoError(t, err)
	p.Stop(context.Background(), 10*time.Second)
	assert.Equal(t, 0, p.ExitCode())
	assert.True(t, strings.HasSuffix(Tail(log, 1), "asked"))
	require.Eventually(t, func() bool { return errors.Is(syscall.Kill(child, 0), syscall.ESRCH) || zombie(child) }, 10*time.Second, 10*time.Millisecond)
}

func TestStopReturnsWhenItsContextEnds(t *testing.T) {
	p := start(t, "trap '' TERM; echo deaf; while :; do sleep 1; done")
	require.Eventually(t, func() bool { return Tail(p.log, 1) == "deaf" }, 10*time.Second, 10*time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	p.Stop(ctx, time.Hour)
	assert.Less(t, time.Since(began), time.Minute)
	assert.Equal(t, 137, p.ExitCode())
}

// zombie: killed, and not yet waited for by whoever inherited it.
func zombie(pid int) bool {
	return strings.Contains(Tail("/proc/"+strconv.Itoa(pid)+"/stat", 1), ") Z ")
}

func TestTailIsTheEndOfAFile(t *testing.T) {
	assert.Contains(t, Tail(filepath.Join(t.TempDir(), "none"), 3), "no such file")
}
