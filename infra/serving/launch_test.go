package serving

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/serverargs"
)

// launch runs the script as a container does, with stand-ins for python3, getent and
// sleep first on PATH, and returns what they and the script said.
type launch struct {
	command        *exec.Cmd
	stdout, stderr bytes.Buffer
}

const echoArguments = `printf '%s\n' "$*"`

func newLaunch(t *testing.T, python, getent string, env ...string) *launch {
	t.Helper()
	bin := t.TempDir()
	for name, body := range map[string]string{
		"python3": python,
		"getent":  getent,
		"sleep":   "exit 0",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+body+"\n"), 0o755))
	}
	l := &launch{command: exec.Command("/bin/bash", "-c", launchScript, "launch", "--model-path", "a model")}
	l.command.Env = append([]string{"PATH=" + bin + ":/usr/bin:/bin", "RENDEZVOUS_PORT=20000", "SERVER_PORT=8000"}, env...)
	l.command.Stdout, l.command.Stderr = &l.stdout, &l.stderr
	return l
}

// script runs another script in the launch script's place.
func (l *launch) script(text string) { l.command.Args[2] = text }

func (l *launch) wait(t *testing.T) int {
	t.Helper()
	err := l.command.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return l.command.ProcessState.ExitCode()
}

func (l *launch) run(t *testing.T) int {
	t.Helper()
	require.NoError(t, l.command.Start())
	return l.wait(t)
}

func TestRankAndRendezvousFollowFromTheController(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		want string
	}{
		"leader binds its own address": {
			[]string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=2", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=10.4.0.7"},
			"-u -m sgl_jax.launch_server --model-path a model --nnodes 2 --node-rank 0 --dist-init-addr 10.4.0.7:20000\n",
		},
		"worker goes to its leader": {
			[]string{"LWS_WORKER_INDEX=3", "LWS_GROUP_SIZE=4", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=10.4.1.9"},
			"-u -m sgl_jax.launch_server --model-path a model --nnodes 4 --node-rank 3 --dist-init-addr x-0.x.sglang:20000\n",
		},
		"a single host meets nobody": {
			[]string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=1", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=10.4.0.7"},
			"-u -m sgl_jax.launch_server --model-path a model\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLaunch(t, echoArguments, "exit 0", tc.env...)
			assert.Zero(t, l.run(t), l.stderr.String())
			assert.Equal(t, tc.want, l.stdout.String())
			assert.Empty(t, l.stderr.String())
		})
	}
}

func TestTheAPIKeyComesFromAFileAndIsStruckOutOfTheLog(t *testing.T) {
	dir := t.TempDir()
	key, given := filepath.Join(dir, "api_key"), filepath.Join(dir, "given")
	require.NoError(t, os.WriteFile(key, []byte("a *[key]"), 0o600))
	env := []string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=1", "API_KEY_FILE=" + key}
	server := `printf '%s\n' "$*" >` + given + `; echo "server_args=(api_key='a *[key]', port=8000)"; echo "error: a *[key]" >&2; printf "the end"; exit 3`

	l := newLaunch(t, server, "exit 0", env...)
	assert.Equal(t, 3, l.run(t), "the server's own code")
	assert.Equal(t, "server_args=(api_key='***', port=8000)\nerror: ***\nthe end\n", l.stdout.String())
	assert.Empty(t, l.stderr.String())
	arguments, err := os.ReadFile(given)
	require.NoError(t, err)
	assert.Equal(t, "-u -m sgl_jax.launch_server --model-path a model --api-key=a *[key]\n", string(arguments))

	for _, content := range []string{"", "missing"} {
		if content == "" {
			require.NoError(t, os.WriteFile(key, nil, 0o600))
		} else {
			require.NoError(t, os.Remove(key))
		}
		l := newLaunch(t, server, "exit 0", env...)
		assert.Equal(t, 1, l.run(t))
		assert.Contains(t, l.stderr.String(), "launch: the API key")
	}
}

// argparse would take the key for a flag: "argument --api-key: expected one argument".
func TestAnAPIKeyThatBeginsWithAHyphenIsOneWordWithItsFlag(t *testing.T) {
	key := filepath.Join(t.TempDir(), "api_key")
	require.NoError(t, os.WriteFile(key, []byte("-x --y"), 0o600))
	words := filepath.Join(t.TempDir(), "words")
	l := newLaunch(t, `printf '%s\n' "$@" >`+words, "exit 0", append([]string{"API_KEY_FILE=" + key}, single...)...)
	assert.Zero(t, l.run(t), l.stderr.String())
	given, err := os.ReadFile(words)
	require.NoError(t, err)
	assert.Equal(t, "-u\n-m\nsgl_jax.launch_server\n--model-path\na model\n--api-key=-x --y\n", string(given))
}

func TestAPodWithoutItsPlaceSaysSoAndStartsNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		want string
	}{
		"no index":          {[]string{"LWS_GROUP_SIZE=2"}, "LWS_WORKER_INDEX is missing: this pod was not made by the LeaderWorkerSet controller"},
		"index in words":    {[]string{"LWS_WORKER_INDEX=one", "LWS_GROUP_SIZE=2"}, `LWS_WORKER_INDEX is "one", which is not a number`},
		"no size":           {[]string{"LWS_WORKER_INDEX=0"}, "LWS_GROUP_SIZE is missing"},
		"size in words":     {[]string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=-2"}, `LWS_GROUP_SIZE is "-2"`},
		"no leader address": {[]string{"LWS_WORKER_INDEX=1", "LWS_GROUP_SIZE=2", "POD_IP=10.4.1.9"}, "LWS_LEADER_ADDRESS is missing: worker 1 does not know its leader"},
		"no address":        {[]string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=2", "LWS_LEADER_ADDRESS=x-0.x"}, "POD_IP is missing: the leader has no address to bind to"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLaunch(t, echoArguments, "exit 0", tc.env...)
			assert.Equal(t, 1, l.run(t))
			assert.Contains(t, l.stderr.String(), "launch: "+tc.want)
			assert.Empty(t, l.stdout.String(), "the server must not start")
		})
	}
}

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
	for i, c := range connections {
		if i == 0 || c[1] != connections[0][1] {
			listener, err := net.Listen("tcp", c[1])
			require.NoError(t, err)
			t.Cleanup(func() { _ = listener.Close() })
		}
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c[0])}}
		conn, err := dialer.Dial("tcp", c[1])
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
}

// waits is a server in its handshake: it ends by TERM alone.
const waits = "exec /bin/sleep 60"

func TestRanksThatDoNotMeetEndAndSayWhoIsMissing(t *testing.T) {
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
		"a client is nobody": {
			size: "2", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.9", "127.94.0.1:8000"}},
			says: "1 minutes: x-0-1 (127.94.0.2) does not connect.",
		},
		"all came": {
			size: "2", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.2", "127.94.0.1:20006"}},
		},
		"all are past the handshake": {
			size: "2", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.2", "127.94.0.1:20000"}},
		},
		"all came, of whom no name is known": {
			size: "3", rank: "0", address: "127.94.0.1", connections: [][2]string{{"127.94.0.2", "127.94.0.1:20006"}, {"127.94.0.3", "127.94.0.1:20006"}},
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
			require.Contains(t, launchScript, "\npatience=600\n")
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

func TestALeaderEndsOnceAWorkerHasGoneThatNoOtherCanReplace(t *testing.T) {
	listener, err := net.Listen("tcp", "127.94.0.1:20006")
	require.NoError(t, err)
	defer listener.Close()
	dial := func(from string) net.Conn {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.Dial("tcp", "127.94.0.1:20006")
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	// While the server makes tokens, connections prove nothing.
	var alive atomic.Bool
	alive.Store(true)
	asked := make(chan struct{}, 1)
	web, err := net.Listen("tcp", "127.94.0.1:8000")
	require.NoError(t, err)
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
	go func() { _ = server.Serve(web) }()
	defer func() { _ = server.Close() }()

	first := dial("127.94.0.2")
	l := newLaunch(t, waits, namesOf, "LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=2", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=127.94.0.1")
	bin, _, _ := strings.Cut(strings.TrimPrefix(l.command.Env[0], "PATH="), ":")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "sleep"), []byte("#!/bin/bash\nexec /bin/sleep 0.1\n"), 0o755))
	tooLong := time.AfterFunc(50*time.Second, func() { _ = l.command.Process.Kill() })
	defer tooLong.Stop()
	require.NoError(t, l.command.Start())
	time.Sleep(2 * time.Second)
	require.NoError(t, syscall.Kill(l.command.Process.Pid, 0), "it goes on while the worker is there")
	accepted, err := listener.Accept()
	require.NoError(t, err)
	_, _ = first.Close(), accepted.Close()
	dial("127.94.0.3") // a new pod of that rank, which waits for an answer
	<-asked
	<-asked
	require.NoError(t, syscall.Kill(l.command.Process.Pid, 0), "it goes on while it makes tokens")
	alive.Store(false)
	assert.Equal(t, 1, l.wait(t))
	assert.Equal(t, "launch: 1 of 1 workers that this leader has met are gone for 60 seconds, and no other can take their place. The group starts again\n", l.stderr.String())
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

func TestTheLaunchScriptIsToldOfARevisionsTokenizer(t *testing.T) {
	for name, tc := range map[string]struct {
		revision string
		user     []serverargs.Argument
		want     any
	}{
		"main":                 {"main", nil, nil},
		"a tag":                {"v2", nil, "org/model@v2"},
		"the user's tokenizer": {"v2", []serverargs.Argument{{Flag: "--tokenizer-path", Values: []string{"org/own"}}}, nil},
		"the model's by name":  {"v2", []serverargs.Argument{{Flag: "--tokenizer-path", Values: []string{"org/model"}}}, "org/model@v2"},
	} {
		t.Run(name, func(t *testing.T) {
			set := serve(t, func(a *Args) { a.Arguments = arguments("org/model", tc.revision, tc.user...) }).Get(t, setType, "serving")
			for _, role := range []string{"leader", "worker"} {
				assert.Equal(t, tc.want, environmentOf(set, role)["TOKENIZER"], role)
			}
		})
	}
}

func TestTheTokenizerIsOfTheModelsRevision(t *testing.T) {
	hf := `echo "hf $*" >&2; mkdir -p "$HF_HOME/hub/models--org--model/refs/v" "$HF_HOME/hub/models--org--model/snapshots/abc"
printf abc >"$HF_HOME/hub/models--org--model/refs/v/2"`
	for name, tc := range map[string]struct {
		tokenizer, offline, made string
		code                     int
		says, arguments          string
	}{
		"online":             {"org/model@v/2", "", "", 0, "hf download org/model *.json *.model *.py *.tiktoken *.jinja --revision v/2\n", " --tokenizer-path HOME/hub/models--org--model/snapshots/abc\n"},
		"offline, a tag":     {"org/model@v1", "1", "refs/v1", 0, "", " --tokenizer-path HOME/hub/models--org--model/snapshots/def\n"},
		"offline, a commit":  {"org/model@def", "1", "refs/v1", 0, "", " --tokenizer-path HOME/hub/models--org--model/snapshots/def\n"},
		"offline, not there": {"org/model@v9", "1", "refs/v1", 1, "launch: the tokenizer org/model@v9 is not in HOME\n", ""},
		"main":               {"", "1", "", 0, "", "-u -m sgl_jax.launch_server --model-path a model\n"},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			if tc.made != "" {
				folder := filepath.Join(home, "hub", "models--org--model")
				require.NoError(t, os.MkdirAll(filepath.Join(folder, "snapshots", "def"), 0o755))
				require.NoError(t, os.MkdirAll(filepath.Join(folder, "refs"), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(folder, tc.made), []byte("def"), 0o600))
			}
			l := newLaunch(t, echoArguments, "exit 0", append(single, "HF_HOME="+home, "TOKENIZER="+tc.tokenizer, "HF_HUB_OFFLINE="+tc.offline)...)
			bin, _, _ := strings.Cut(strings.TrimPrefix(l.command.Env[0], "PATH="), ":")
			require.NoError(t, os.WriteFile(filepath.Join(bin, "hf"), []byte("#!/bin/bash\n"+hf+"\n"), 0o755))
			assert.Equal(t, tc.code, l.run(t))
			assert.Equal(t, strings.ReplaceAll(tc.says, "HOME", home), l.stderr.String())
			assert.Contains(t, l.stdout.String(), strings.ReplaceAll(tc.arguments, "HOME", home))
		})
	}

	l := newLaunch(t, echoArguments, "exit 0", append(single, "HF_HOME="+t.TempDir(), "TOKENIZER=org/model@v2")...)
	bin, _, _ := strings.Cut(strings.TrimPrefix(l.command.Env[0], "PATH="), ":")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "hf"), []byte("#!/bin/bash\necho 'GatedRepoError: 401' >&2; exit 1\n"), 0o755))
	assert.Equal(t, 1, l.run(t))
	assert.Equal(t, "GatedRepoError: 401\nlaunch: the tokenizer org/model@v2 cannot be fetched\n", l.stderr.String())
	assert.Empty(t, l.stdout.String(), "the server must not start")
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
