package serving

import (
	"bufio"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var single = []string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=1"}

func TestTheServersExitCodeIsThePods(t *testing.T) {
	for body, want := range map[string]int{
		"exit 0":        0,
		"exit 3":        3,
		"exit 127":      127,
		"kill -KILL $$": 128 + int(syscall.SIGKILL),
	} {
		t.Run(body, func(t *testing.T) {
			assert.Equal(t, want, newLaunch(t, body, "exit 0", single...).run(t))
		})
	}
}

func TestTERMReachesTheServerWhoseExitCodeStillCounts(t *testing.T) {
	// It needs two signals: the first finds it busy.
	l := newLaunch(t, `count=0
trap 'count=$((count + 1)); echo "got $count"; [ $count -lt 2 ] || exit 42' TERM
echo ready
while :; do /bin/sleep 0.05; done`, "exit 0", single...)
	l.command.Stdout = nil
	stdout, err := l.command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, l.command.Start())
	tooLong := time.AfterFunc(10*time.Second, func() { _ = l.command.Process.Kill() })
	defer tooLong.Stop()

	lines := bufio.NewScanner(stdout)
	for _, want := range []string{"ready", "got 1", "got 2"} {
		require.True(t, lines.Scan(), "the server never said %q", want)
		assert.Equal(t, want, lines.Text())
		if want != "got 2" {
			require.NoError(t, l.command.Process.Signal(syscall.SIGTERM))
		}
	}
	assert.Equal(t, 42, l.wait(t))
}

func TestAStaleLockOfTheTPULibraryIsRemoved(t *testing.T) {
	// The path is libtpu's own, so a real lock of this machine's must not be in the way.
	const lock = "/tmp/libtpu_lockfile"
	if _, err := os.Stat(lock); err == nil {
		t.Skip(lock + " exists on this machine")
	}
	require.NoError(t, os.WriteFile(lock, nil, 0o600))
	t.Cleanup(func() { _ = os.Remove(lock) })
	assert.Zero(t, newLaunch(t, "exit 0", "exit 0", single...).run(t))
	assert.NoFileExists(t, lock)
}
