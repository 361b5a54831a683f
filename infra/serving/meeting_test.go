package serving

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// namesOf a group of three pods, of which the last has no address. A number is its own.
const namesOf = `[ "$1" = ahostsv4 ] || exit 9
case $2 in
x-0.x.sglang) echo "127.94.0.1     STREAM x-0.x.sglang" ;;
x-0-1.x.sglang) echo "127.94.0.2     STREAM x-0-1.x.sglang" ;;
127.*) echo "$2     STREAM $2" ;;
*) exit 2 ;;
esac`

// connect opens connections between addresses of this machine's, as the pods of a group
// have them: from an address to an address and a port.
func connect(t *testing.T, connections [][2]string) {
	t.Helper()
	dial := dialer(t)
	for i, c := range connections {
		if i == 0 || c[1] != connections[0][1] {
			listen(t, c[1])
		}
		dial(c[0], c[1])
	}
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// dialer connects from an address to an address and a port.
func dialer(t *testing.T) func(from, to string) net.Conn {
	return func(from, to string) net.Conn {
		t.Helper()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.Dial("tcp", to)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
}

// tokens is a server's /health_generate, which says whether it makes tokens.
func tokens(t *testing.T, address string) (alive *atomic.Bool, asked chan struct{}) {
	t.Helper()
	alive, asked = &atomic.Bool{}, make(chan struct{}, 1)
	alive.Store(true)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/health_generate", r.URL.Path)
		if !alive.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		select {
		case asked <- struct{}{}:
		default:
		}
	})}
	listener := listen(t, address)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return alive, asked
}

// waits is a server in its handshake: it ends by TERM alone.
const waits = "exec /bin/sleep 60"

func TestRanksThatDoNotConnectEndAndNameTheMissingOnes(t *testing.T) {
	for name, tc := range map[string]struct {
		size, rank, address string
		connections         [][2]string
		says                string // empty: the server is left alone
	}{
		"nobody came": {
			size: "3", rank: "0", address: "127.94.0.1",
			says: "launch: the ranks have not met for 1 minutes: x-0-1 (127.94.0.2) does not connect, x-0-2 has no address. The group starts again\n",
		},
		"one came": {
			size: "3", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.2", "127.94.0.1:20006"}},
			says: "1 minutes: x-0-2 has no address. The group starts again\n",
		},
		"the leader's own connection is nobody": {
			size: "2", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.1", "127.94.0.1:20000"}},
			says: "1 minutes: x-0-1 (127.94.0.2) does not connect.",
		},
		"who connects to another port is nobody": {
			size: "2", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.9", "127.94.0.1:8001"}},
			says: "1 minutes: x-0-1 (127.94.0.2) does not connect.",
		},
		"all came, and the handshake does not end": {
			size: "2", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.2", "127.94.0.1:20006"}},
			says: "1 minutes: the workers are connected, but the handshake with the server does not end. The group starts again\n",
		},
		"a worker of the group before came": {
			size: "2", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.9", "127.94.0.1:20006"}},
			says: "1 minutes: x-0-1 (127.94.0.2) does not connect. The group starts again\n",
		},
		"all are past the handshake": {
			size: "2", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.2", "127.94.0.1:20000"}},
		},
		"all are past the handshake, of whom no name is known": {
			size: "3", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.2", "127.94.0.1:20000"}, {"127.94.0.3", "127.94.0.1:20000"}},
		},
		"a leader that is not there": {
			size: "2", rank: "1", address: "127.94.0.2",
			says: "1 minutes: the leader x-0 (127.94.0.1) cannot be reached. The group starts again\n",
		},
		"a leader that has met another": {
			size: "2", rank: "1", address: "127.94.0.2", connections: [][2]string{{"127.94.0.2", "127.94.0.1:20006"}},
			says: "1 minutes: the leader x-0 (127.94.0.1) does not answer, because it waits for another rank or has met another pod of this one.",
		},
		"a leader that let the other worker in": {
			size: "3", rank: "2", address: "127.94.0.3", connections: [][2]string{{"127.94.0.2", "127.94.0.1:20000"}},
			says: "1 minutes: the leader x-0 (127.94.0.1) cannot be reached.",
		},
		"a leader that let this one in": {
			size: "2", rank: "1", address: "127.94.0.2", connections: [][2]string{{"127.94.0.2", "127.94.0.1:20000"}},
		},
		"an address that cannot be told": {size: "2", rank: "0", address: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			connect(t, tc.connections)
			server := waits
			if tc.says == "" {
				server = "/bin/sleep 2; exit 42"
			}
			l := newLaunch(t, server, namesOf, "LWS_WORKER_INDEX="+tc.rank, "LWS_GROUP_SIZE="+tc.size, "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP="+tc.address)
			// A minute takes this machine long enough.
			require.True(t, strings.Contains(launchScript, "\npatience=600\n"), "launch.sh sets no patience=600, which this test shortens")
			l.script(strings.Replace(launchScript, "\npatience=600\n", "\npatience=65\n", 1))
			tooLong := time.AfterFunc(50*time.Second, func() { _ = l.command.Process.Kill() })
			defer tooLong.Stop()
			code := l.run(t)
			if tc.says == "" {
				assert.Equal(t, 42, code, "the server's own")
				assert.Empty(t, l.stderr.String())
				return
			}
			assert.Equal(t, 1, code)
			assert.Contains(t, l.stderr.String(), tc.says)
			assert.Contains(t, l.stderr.String(), "launch: waiting: ")
			assert.True(t, strings.HasSuffix(l.stderr.String(), "The group starts again\n"), "the pod's termination message ends with it: %s", l.stderr.String())
		})
	}
}

func TestALeaderEndsIfAWorkerIsLost(t *testing.T) {
	distributed, dial := listen(t, "127.94.0.1:20000"), dialer(t)
	listen(t, "127.94.0.1:20006")
	// While the server makes tokens, connections prove nothing.
	alive, asked := tokens(t, "127.94.0.1:8000")
	first := dial("127.94.0.2", "127.94.0.1:20000")
	l := newLaunch(t, waits, namesOf, "LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=2", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=127.94.0.1")
	bin, _, _ := strings.Cut(strings.TrimPrefix(l.command.Env[0], "PATH="), ":")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "sleep"), []byte("#!/bin/bash\nexec /bin/sleep 0.1\n"), 0o755))
	tooLong := time.AfterFunc(50*time.Second, func() { _ = l.command.Process.Kill() })
	defer tooLong.Stop()
	require.NoError(t, l.command.Start())
	time.Sleep(2 * time.Second)
	require.NoError(t, syscall.Kill(l.command.Process.Pid, 0), "it goes on while the worker is there")
	accepted, err := distributed.Accept()
	require.NoError(t, err)
	_, _ = first.Close(), accepted.Close()
	dial("127.94.0.3", "127.94.0.1:20006") // a new pod of that rank, which waits for an answer
	for range 2 {
		select {
		case <-asked:
		case <-time.After(40 * time.Second):
			require.Fail(t, "the server is not asked for a token", l.stderr.String())
		}
	}
	require.NoError(t, syscall.Kill(l.command.Process.Pid, 0), "it goes on while it makes tokens")
	alive.Store(false)
	assert.Equal(t, 1, l.wait(t))
	assert.Equal(t, "launch: 1 of 1 workers that this leader has met are gone for 60 seconds, and no other can take their place. The group starts again\n", l.stderr.String())
}

// A worker of the group before may still run when the next leader starts: its sockets go to whatever pod has the
// leader's name, and connect there before the leader's own workers come.
func TestAWorkerOfThePreviousGroupDoesNotCountAsConnected(t *testing.T) {
	handshake, dial := listen(t, "127.94.0.1:20006"), dialer(t)
	listen(t, "127.94.0.1:20000")
	before := dial("127.94.0.9", "127.94.0.1:20006")
	l := newLaunch(t, "/bin/sleep 5; exit 42", namesOf, "LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=2", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=127.94.0.1")
	bin, _, _ := strings.Cut(strings.TrimPrefix(l.command.Env[0], "PATH="), ":")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "sleep"), []byte("#!/bin/bash\nexec /bin/sleep 0.1\n"), 0o755))
	require.NoError(t, l.command.Start())
	time.Sleep(time.Second) // the script looks at its connections several times
	accepted, err := handshake.Accept()
	require.NoError(t, err)
	dial("127.94.0.2", "127.94.0.1:20006")
	dial("127.94.0.2", "127.94.0.1:20000")
	_, _ = before.Close(), accepted.Close()
	assert.Equal(t, 42, l.wait(t), "the server's own: %s", l.stderr.String())
}

func TestAServerThatGeneratesTokensIsNotEndedWithoutVisibleConnections(t *testing.T) {
	_, asked := tokens(t, "127.94.0.1:8000")
	stop := filepath.Join(t.TempDir(), "stop")
	l := newLaunch(t, "until [ -e "+stop+" ]; do /bin/sleep 0.1; done; exit 42", namesOf, "LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=2", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=127.94.0.1")
	l.script(strings.Replace(launchScript, "\npatience=600\n", "\npatience=65\n", 1))
	require.NoError(t, l.command.Start())
	select {
	case <-asked:
	case <-time.After(time.Minute):
		assert.Fail(t, "the server was not asked", l.stderr.String())
	}
	time.Sleep(time.Second) // in which the script would end the server
	require.NoError(t, os.WriteFile(stop, nil, 0o600))
	assert.Equal(t, 42, l.wait(t), l.stderr.String())
}

func TestAConnectionOfAnIPv6SocketCounts(t *testing.T) {
	listener, err := net.Listen("tcp", "[::]:20000")
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	defer listener.Close()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.94.0.2")}}
	conn, err := dialer.Dial("tcp", "127.94.0.1:20000")
	require.NoError(t, err)
	defer conn.Close()
	l := newLaunch(t, "/bin/sleep 2; exit 42", namesOf, "LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=2", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=127.94.0.1")
	assert.Equal(t, 42, l.run(t), l.stderr.String())
}

func TestAWorkerWaitsUntilItsLeaderHasAName(t *testing.T) {
	const address = "LWS_LEADER_ADDRESS=x-0.x.sglang"
	count := filepath.Join(t.TempDir(), "count")
	getent := `[ "$*" = "ahostsv4 x-0.x.sglang" ] || exit 9
echo >>` + count + `
[ "$(wc -l <` + count + `)" -ge 3 ]`

	l := newLaunch(t, "exit 9", getent, address)
	l.script(awaitScript)
	assert.Zero(t, l.run(t))
	asked, err := os.ReadFile(count)
	require.NoError(t, err)
	assert.Len(t, asked, 3)
	assert.Equal(t, "await: the leader is x-0.x.sglang\n", l.stdout.String())
	assert.Empty(t, l.stderr.String())

	l = newLaunch(t, "exit 9", "exit 2", address)
	l.script(awaitScript)
	assert.Zero(t, l.run(t), "the server gives up, and says why; this does not")
	assert.Contains(t, l.stderr.String(), "x-0.x.sglang has no address yet")

	l = newLaunch(t, "exit 9", "exit 0")
	l.script(awaitScript)
	assert.Equal(t, 1, l.run(t))
	assert.Contains(t, l.stderr.String(), "LWS_LEADER_ADDRESS is missing")
}
