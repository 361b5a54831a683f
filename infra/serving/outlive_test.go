package serving

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outlive starts a worker's preStop hook in a pod at 127.94.1.2 with a name service of its own.
func outlive(t *testing.T) (ended <-chan error) {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "getent"), []byte("#!/bin/bash\n"+namesOf+"\n"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "sleep"), []byte("#!/bin/sh\nexec /bin/sleep 0.05\n"), 0o700))
	cmd := exec.Command("bash", "-c", outliveScript)
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "POD_IP=127.94.1.2", "RENDEZVOUS_PORT=20000"}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, unless the test failed
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	return done
}

func TestAWorkerEndsAfterItsLeader(t *testing.T) {
	listener, err := net.Listen("tcp", "127.94.1.1:20000")
	require.NoError(t, err)
	defer listener.Close()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.94.1.2")}}
	worker, err := dialer.Dial("tcp", "127.94.1.1:20000")
	require.NoError(t, err)
	defer worker.Close()
	leader, err := listener.Accept()
	require.NoError(t, err)

	ended := outlive(t)
	select {
	case err := <-ended:
		t.Fatalf("it did not wait for the leader: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	require.NoError(t, leader.Close()) // as the end of its process does
	select {
	case err := <-ended:
		assert.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for a leader that has gone")
	}
}

func TestAWorkerWithoutALeaderEndsAtOnce(t *testing.T) {
	// Connections of others, and to other ports, are nobody's business.
	connect(t, [][2]string{{"127.94.1.3", "127.94.1.1:20000"}, {"127.94.1.2", "127.94.1.1:20006"}})
	select {
	case err := <-outlive(t):
		assert.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for nobody")
	}
}
