// Package sockettest serves a test's own daemon.
package sockettest

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Serve answers on a Unix socket until the test ends. The socket is in a folder of its
// own: its path may have at most 107 characters, and t.TempDir may be longer.
func Serve(t *testing.T, handler http.Handler) (socket string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "socket")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket = filepath.Join(folder, "s")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return socket
}
