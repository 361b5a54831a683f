// Package sockettest serves a handler on a Unix socket in tests.
package sockettest

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Serve serves a handler on a Unix socket until the test ends. It does not use t.TempDir,
// because the path of a socket may have at most 107 characters.
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
