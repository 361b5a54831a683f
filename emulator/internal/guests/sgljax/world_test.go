package sgljax

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/guests/guest"
	"sglang-tpu/emulator/internal/guests/hub"
	"sglang-tpu/emulator/internal/socket/sockettest"
)

// hosts maps the host names of a group's pods to their addresses.
type hosts map[string]string

// serve serves the cluster's DNS. Names may be added later.
func (h hosts) serve(t *testing.T) string {
	t.Helper()
	return sockettest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/resolve" {
			write(w, http.StatusOK, struct{}{}) // counters, faults and what may be written
			return
		}
		host := r.URL.Query().Get("host")
		if address, ok := h[host]; ok || strings.HasPrefix(host, "127.") {
			if !ok {
				address = host
			}
			write(w, http.StatusOK, map[string]string{"address": address})
			return
		}
		http.Error(w, host+": Name or service not known", http.StatusNotFound)
	}))
}

func (h hosts) machine(socket, listen string) *machine {
	return &machine{Container: guest.Container{Socket: socket}, listen: listen, chips: 4, slice: "s", topology: "2x2x2", patience: 2 * time.Second}
}

func rank(n, host, port string) arguments {
	return arguments{"--nnodes": "2", "--node-rank": n, "--dist-init-addr": host + ":" + port, "--model-path": "m"}
}

// output returns what a function prints.
func output(t *testing.T, do func()) string {
	t.Helper()
	stdout := os.Stdout
	file, err := os.CreateTemp(t.TempDir(), "out")
	require.NoError(t, err)
	os.Stdout = file
	defer func() { os.Stdout = stdout }()
	do()
	text, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	return string(text)
}

// startRank runs a rank's handshake and rendezvous.
func startRank(m *machine, a arguments) (*world, chan error) {
	w, done := newWorld(a), make(chan error, 1)
	go func() {
		err := m.handshake(a, w)
		if err == nil {
			_, err = m.meet(a, w)
		}
		done <- err
	}()
	return w, done
}

func TestRanksMeetByAHandshakeOnTheSixthPort(t *testing.T) {
	h := hosts{"x-0.x": "127.95.0.1"}
	socket := h.serve(t)
	said := output(t, func() {
		_, worker := startRank(h.machine(socket, "127.95.0.2"), rank("1", "x-0.x", "21000"))
		time.Sleep(50 * time.Millisecond) // it comes first
		w, leader := startRank(h.machine(socket, "127.95.0.1"), rank("0", "127.95.0.1", "21000"))
		require.NoError(t, <-leader)
		require.NoError(t, <-worker)
		require.Len(t, w.peers, 1)
		assert.Equal(t, "127.95.0.2", w.peers[0].RemoteAddr().(*net.TCPAddr).IP.String(), "from the pod's own address")
	})
	for _, line := range []string{
		"[Publisher 0] Begins to synchronize, wait 1 Subscribers\n", "[Subscriber 1] Begins to synchronize\n", "[Publisher 0] receives 1 READY signal\n",
		"[Publisher 0] Succeeds to synchronize!\n", "[Subscriber 1] Succeeds to synchronizes!\n",
	} {
		assert.Contains(t, said, line)
	}
}

func TestAHandshakeHasNoLimit(t *testing.T) {
	h := hosts{}
	socket := h.serve(t)
	_, worker := startRank(h.machine(socket, "127.95.0.4"), rank("1", "x-0.x", "21100"))
	_, leader := startRank(h.machine(socket, "127.95.0.3"), rank("0", "127.95.0.3", "21100"))
	select {
	case err := <-worker:
		t.Fatalf("a worker without a leader ended: %v", err)
	case err := <-leader:
		t.Fatalf("a leader without a worker ended: %v", err)
	case <-time.After(4 * time.Second): // twice the timeout of jax.distributed
	}
}

// The handshake counts signals. If a worker is replaced between its signal and jax.distributed,
// the leader waits for it there and never answers the new one.
func TestBothRanksWaitIfAWorkerIsReplacedAfterItsSignal(t *testing.T) {
	h := hosts{"x-0.x": "127.95.0.5"}
	socket := h.serve(t)
	_, leader := startRank(h.machine(socket, "127.95.0.5"), rank("0", "127.95.0.5", "21200"))
	first := h.machine(socket, "127.95.0.6")
	first.subscribe(1, "x-0.x", 21200)
	_, second := startRank(h.machine(socket, "127.95.0.7"), rank("1", "x-0.x", "21200"))
	err := <-leader
	require.ErrorContains(t, err, "DEADLINE_EXCEEDED: Barrier timed out. 1/2 tasks reached the barrier")
	select {
	case err := <-second:
		t.Fatalf("it ended: %v", err)
	case <-time.After(time.Second):
	}
}

func TestALaterTaskReplacesAnEarlierOneUntilAllHaveRegistered(t *testing.T) {
	h := hosts{"x-0.x": "127.95.0.8"}
	socket := h.serve(t)
	of := func(n, host string) arguments {
		a := rank(n, host, "21250")
		a["--nnodes"] = "3"
		return a
	}
	join := func(listen, n string) chan error {
		done := make(chan error, 1)
		m := h.machine(socket, listen)
		m.chips, m.topology, m.patience = 4, "2x2x3", 20*time.Second
		go func() {
			_, err := m.meet(of(n, "x-0.x"), newWorld(of(n, "x-0.x")))
			done <- err
		}()
		return done
	}
	m := h.machine(socket, "127.95.0.8")
	m.topology, m.patience = "2x2x3", 20*time.Second
	w := newWorld(of("0", "127.95.0.8"))
	leader := make(chan error, 1)
	go func() {
		_, err := m.meet(of("0", "127.95.0.8"), w)
		leader <- err
	}()
	earlier := join("127.95.0.9", "1")
	select {
	case err := <-earlier:
		t.Fatalf("it did not wait for the others: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	later := join("127.95.0.10", "1")
	require.ErrorContains(t, <-earlier, "ALREADY_EXISTS: Aborted connect attempt")
	require.NoError(t, <-join("127.95.0.11", "2"))
	require.NoError(t, <-later)
	require.NoError(t, <-leader)
	assert.Equal(t, "127.95.0.10", w.peers[0].RemoteAddr().(*net.TCPAddr).IP.String())
}

// met is a group of two that has met.
func met(t *testing.T, first, second, port string, more ...string) (leader, worker *world, a arguments) {
	t.Helper()
	h := hosts{"x-0.x": first}
	socket := h.serve(t)
	leader, led := startRank(h.machine(socket, first), rank("0", first, port))
	worker, joined := startRank(h.machine(socket, second), rank("1", "x-0.x", port))
	require.NoError(t, <-led)
	require.NoError(t, <-joined)
	a = arguments{"--model-path": coder, "--tp-size": "16"}
	for i := 0; i < len(more); i += 2 {
		a[more[i]] = more[i+1]
	}
	return leader, worker, a
}

func TestLogprobsOverHostsAndDataParallelismEndEveryRank(t *testing.T) {
	for _, tc := range []struct{ path, body, port string }{
		{"/generate", `{"text":"a","return_logprob":true}`, "21300"},
		{"/v1/completions", `{"model":"m","prompt":"a","logprobs":1}`, "21320"},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"a"}],"logprobs":true}`, "21340"},
	} {
		t.Run(tc.path, func(t *testing.T) {
			leader, worker, a := met(t, "127.95.1.1", "127.95.1.2", tc.port, "--dp-size", "2")
			go worker.serve("")
			s := &server{args: a, world: leader, tokenizer: &tokenizer{}}
			h := httptest.NewServer(s.handler())
			defer h.Close()
			status, _ := call(t, "POST", h.URL+"/generate", `{"text":"a","sampling_params":{"max_new_tokens":2}}`)
			assert.Equal(t, 200, status)
			ended := make(chan struct{})
			go func() {
				client := http.Client{Timeout: 2 * time.Second}
				res, err := client.Post(h.URL+tc.path, "application/json", strings.NewReader(tc.body))
				if err == nil {
					_ = res.Body.Close()
				}
				close(ended)
			}()
			for name, w := range map[string]*world{"leader": leader, "worker": worker} {
				select {
				case err := <-w.fatal:
					require.ErrorContains(t, err, "spans non-addressable (non process local) devices", name)
				case <-time.After(5 * time.Second):
					t.Fatalf("the %s goes on", name)
				}
			}
			<-ended
		})
	}

	leader, worker, a := met(t, "127.95.1.3", "127.95.1.4", "21400", "--dp-size", "1")
	go worker.serve("")
	s := &server{args: a, world: leader, tokenizer: &tokenizer{}}
	h := httptest.NewServer(s.handler())
	defer h.Close()
	status, body := call(t, "POST", h.URL+"/generate", `{"text":"a","return_logprob":true,"sampling_params":{"max_new_tokens":2}}`)
	assert.Equal(t, 200, status, "without data parallelism each host has all of them")
	assert.Contains(t, body, "output_token_logprobs")
}

// process runs a rank's main loop with a scheduler's process.
func process(t *testing.T, w *world, a arguments, listen, port string) (*server, chan int) {
	t.Helper()
	a = with(a, "--host", "0.0.0.0", "--port", port)
	child := exec.Command("/bin/sleep", "60")
	require.NoError(t, child.Start())
	t.Cleanup(func() { _ = child.Process.Kill() })
	s := &server{args: a, world: w, scheduler: child, tokenizer: &tokenizer{}}
	code := make(chan int, 1)
	go func() { code <- s.serve(&machine{listen: listen}) }()
	require.Eventually(t, func() bool {
		res, err := http.Get("http://" + listen + ":" + port + "/health")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil
	}, 5*time.Second, 20*time.Millisecond)
	return s, code
}

func with(a arguments, pairs ...string) arguments {
	b := arguments{}
	for k, v := range a {
		b[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		b[pairs[i]] = pairs[i+1]
	}
	return b
}

func TestALostRankLeavesTheMainProcessWithoutAScheduler(t *testing.T) {
	before := noticed
	noticed = 100 * time.Millisecond
	defer func() { noticed = before }()
	leader, worker, a := met(t, "127.95.2.1", "127.95.2.2", "21500")
	s, code := process(t, leader, a, "127.95.2.1", "21580")
	go worker.serve("")
	require.Eventually(t, func() bool {
		status, _ := call(t, "GET", "http://127.95.2.1:21580/health_generate", "")
		return status == 200
	}, 10*time.Second, 50*time.Millisecond)

	worker.leave()
	require.Eventually(t, s.dead.Load, 10*time.Second, 20*time.Millisecond, "jax.distributed ends the scheduler")
	status, _ := call(t, "GET", "http://127.95.2.1:21580/health_generate", "")
	assert.Equal(t, 503, status)
	status, _ = call(t, "GET", "http://127.95.2.1:21580/health", "")
	assert.Equal(t, 200, status, "which is constant")
	select {
	case c := <-code:
		t.Fatalf("the main process ended with %d", c)
	default:
	}
	assert.Equal(t, killed, s.end(), "after a failed health check it does not wait")
}

func TestAfterItsFirstRequestTheServerKillsItself(t *testing.T) {
	s := &server{args: arguments{}, world: newWorld(arguments{}), tokenizer: &tokenizer{}}
	assert.Equal(t, 143, s.end())
	s.asked.Store(true)
	assert.Equal(t, 137, s.end())
	worker := &server{args: arguments{}, world: newWorld(arguments{"--node-rank": "1"})}
	worker.asked.Store(true)
	assert.Equal(t, 143, worker.end())
}

func TestTheTokenizerIsAlwaysOfRevisionMain(t *testing.T) {
	r, _ := hub.Lookup(coder)
	home := t.TempDir()
	place := func(revision string) string {
		folder := filepath.Join(home, "hub", "models--Qwen--Qwen2.5-Coder-32B-Instruct")
		commit := r.Commit(revision)
		snapshot := filepath.Join(folder, "snapshots", commit)
		require.NoError(t, os.MkdirAll(snapshot, 0o755))
		require.NoError(t, os.MkdirAll(filepath.Join(folder, "refs"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "refs", revision), []byte(commit), 0o600))
		for _, f := range r.Files(commit) {
			if f.Content != nil {
				require.NoError(t, os.WriteFile(filepath.Join(snapshot, f.Name), f.Content, 0o600))
			}
		}
		return snapshot
	}
	t.Setenv("HF_HOME", home)
	t.Setenv("HF_HUB_OFFLINE", "1")
	previous := place("previous")
	m := &machine{}
	a := arguments{"--model-path": coder, "--revision": "previous"}
	err := m.files(a).configuration()
	require.ErrorContains(t, err, "LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder")
	require.ErrorContains(t, err, "/revision/main", "what hf download --revision leaves is not looked for")

	f := m.files(with(a, "--tokenizer-path", previous))
	require.NoError(t, f.configuration())
	assert.Equal(t, r.ChatTemplate(r.Commit("previous")), f.loaded.template)

	place("main")
	f = m.files(a)
	require.NoError(t, f.configuration())
	assert.Equal(t, r.ChatTemplate(r.Commit("main")), f.loaded.template, "silently")

	err = m.files(with(a, "--tokenizer-path", "/no/where")).configuration()
	require.ErrorContains(t, err, "HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/no/where'")
}
