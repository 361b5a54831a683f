package endpoint

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/cmd/internal/process"
)

func TestOnlyThisUserCanReadAKubeconfig(t *testing.T) {
	m := Local{t.TempDir()}
	path, err := m.Save("clusters: []")
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestAPortForwardEndsWhenItIsStopped(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	address, stop, err := Local{}.Forward(t.Context(), "sh", "-c",
		`echo $$ >`+pid+`; echo "Forwarding from 127.0.0.1:4711 -> 8000"; echo "Handling connection for 4711"; exec sleep 60`)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:4711", address)
	text, err := os.ReadFile(pid)
	require.NoError(t, err)
	number, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(number, 0))
	stop()
	assert.ErrorIs(t, syscall.Kill(number, 0), syscall.ESRCH)
}

func TestAPortForwardThatDoesNotStartReportsTheReason(t *testing.T) {
	_, _, err := Local{}.Forward(t.Context(), "sh", "-c", "echo 'error: unable to forward port because pod is not running' >&2; exit 1")
	var failed *process.Error
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, failed.Error(), "pod is not running")

	_, _, err = Local{}.Forward(t.Context(), "no-such-program")
	require.Error(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	_, _, err = Local{}.Forward(ctx, "sleep", "60")
	require.Error(t, err, "a person has interrupted it")
	assert.Less(t, time.Since(began), 10*time.Second)
}
