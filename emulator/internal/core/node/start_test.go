package node

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The worker's liveness probe looks for the scheduler among all processes, and must not find
// the one of another pod.
func TestACommandSeesOnlyTheProcessesOfItsContainer(t *testing.T) {
	look := []string{"sh", "-c", "grep -aqs 'sglang::[s]cheduler' /proc/[0-9]*/cmdline"}
	finds := func(root string) bool {
		args, err := ownProcesses(root, look)
		require.NoError(t, err)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = root
		return cmd.Run() == nil
	}
	root, other := filepath.Join(t.TempDir(), "it's a folder"), t.TempDir()
	scheduler := exec.Command("bash", "-c", "exec -a sglang::scheduler sleep 60")
	scheduler.Env = []string{"PATH=/usr/bin:/bin", "EMULATOR_ROOT=" + other}
	require.NoError(t, scheduler.Start())
	t.Cleanup(func() { _ = scheduler.Process.Kill() })
	require.Eventually(t, func() bool { return finds(other) }, 30*time.Second, 10*time.Millisecond)
	assert.False(t, finds(root))
	require.NoError(t, scheduler.Process.Kill())
	require.Error(t, scheduler.Wait())
	assert.False(t, finds(other), "it has ended")

	unchanged := []string{"sleep", "5"}
	args, err := ownProcesses(root, unchanged)
	require.NoError(t, err)
	assert.Equal(t, unchanged, args)
}
