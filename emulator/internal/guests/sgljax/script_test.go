package sgljax

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/guests/hub"
	"sglang-tpu/emulator/internal/pace"
	"sglang-tpu/spec/monitoring"
)

// TestMain runs a container's program if the test binary is started under its name.
func TestMain(m *testing.M) {
	args := os.Args[1:]
	if os.Args[0] == "python3" { // the scheduler's process
		os.Exit(Main(args))
	}
	switch os.Getenv("SGLJAX_TEST_IS") {
	case "python3":
		os.Exit(Main(args))
	case "getent":
		os.Exit(Getent(args))
	case "sleep":
		os.Exit(pace.Sleep(args))
	}
	os.Exit(alone(m.Run))
}

// alone runs the tests when no other run of them is under way on this machine: of two
// checkouts, both would listen on the same addresses.
func alone(run func() int) int {
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "sglang-tpu-sgljax-test.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		defer lock.Close()
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "another run of these tests cannot be waited for:", err)
	}
	return run()
}

// pod is a rank that the program's launch script has started.
type pod struct {
	command *exec.Cmd
	mu      sync.Mutex
	out     bytes.Buffer
}

func (p *pod) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(text)
}

func (p *pod) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

const smallModel = "Qwen/Qwen2.5-7B-Instruct"

// generous is a daemon without counts and faults.
type generous struct{}

func (generous) Fetched(string, int64, bool) error { return nil }
func (generous) Fault(string) (string, error)      { return "", nil }
func (generous) Write(string) (string, error)      { return "", nil }

// filled returns a HF_HOME into which the tag previous was downloaded.
func filled(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	client := hub.Client{Cache: filepath.Join(home, "hub"), Daemon: generous{}}
	_, err := client.Snapshot(context.Background(), smallModel, "previous", func(string) bool { return true })
	require.NoError(t, err)
	return home
}

// launch starts a rank of two.
func launch(t *testing.T, socket, home, rank, address, port string) *pod {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	bin := t.TempDir()
	for _, name := range []string{"python3", "getent", "sleep"} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\nSGLJAX_TEST_IS="+name+" exec "+self+" \"$@\"\n"), 0o755))
	}
	var script []byte
	for _, name := range []string{"hub.sh", "launch.sh"} {
		part, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "infra", "serving", name))
		require.NoError(t, err)
		script = append(script, part...)
	}
	require.True(t, strings.Contains(string(script), "\npatience=600\n"), "launch.sh sets no patience=600, which this test shortens")
	text := strings.Replace(string(script), "\npatience=600\n", "\npatience=65\n", 1)
	p := &pod{command: exec.Command("/bin/bash", "-c", text, "launch", "--model-path", smallModel, "--revision", "previous", "--tp-size", "16", "--dp-size", "4",
		"--host", "0.0.0.0", "--port", "8000", "--page-size", "128", "--random-seed", "0")}
	p.command.Env = []string{
		"PATH=" + bin + ":/usr/bin:/bin", "HF_HOME=" + home, "HF_HUB_OFFLINE=1", "TOKENIZER=" + smallModel + "@previous", "HOME=" + t.TempDir(),
		"LWS_WORKER_INDEX=" + rank, "LWS_GROUP_SIZE=2", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=" + address, "RENDEZVOUS_PORT=" + port, "SERVER_PORT=8000",
		"EMULATOR_SOCKET=" + socket, "EMULATOR_POD=c/n/x-" + rank, "EMULATOR_LISTEN=" + address, "EMULATOR_ROOT=" + home,
		"EMULATOR_TPU_CHIPS=4", "EMULATOR_SLICE=s", "EMULATOR_TOPOLOGY=2x2x2",
	}
	p.command.Stdout, p.command.Stderr = p, p
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, p.command.Start())
	t.Cleanup(func() { _ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL) })
	return p
}

func (p *pod) code() int {
	_ = p.command.Wait() // ExitCode has the result
	return p.command.ProcessState.ExitCode()
}

// ranks starts a leader and a worker with the launch script, in a separate cluster.
type ranks struct {
	hosts
	socket, home, network, port string
}

// newRanks uses addresses of a network such as 127.95.3.
func newRanks(t *testing.T, network, port string) *ranks {
	t.Helper()
	h := hosts{"x-0.x.sglang": network + ".1", "x-0-1.x.sglang": network + ".2"}
	return &ranks{hosts: h, socket: h.serve(t), home: filled(t), network: network, port: port}
}

func (r *ranks) leader(t *testing.T) *pod {
	return launch(t, r.socket, r.home, "0", r.network+".1", r.port)
}

func (r *ranks) worker(t *testing.T) *pod {
	return launch(t, r.socket, r.home, "1", r.network+".2", r.port)
}

func TestTheLaunchScriptStartsAGroupOfARevision(t *testing.T) {
	t.Parallel()
	ranks := newRanks(t, "127.95.3", "22000")
	leader, worker, home := ranks.leader(t), ranks.worker(t), ranks.home
	require.Eventually(t, func() bool { return strings.Contains(leader.log(), "fired up") }, time.Minute, 50*time.Millisecond, "%s\n%s", leader.log(), worker.log())
	status, body := call(t, http.MethodGet, "http://127.95.3.1:8000/get_model_info", "")
	assert.Equal(t, 200, status)
	r, _ := hub.Lookup(smallModel)
	assert.Contains(t, body, `"tokenizer_path":"`+home+"/hub/models--Qwen--Qwen2.5-7B-Instruct/snapshots/"+r.Commit("previous")+`"`)

	// The group still runs after the timeout of the rendezvous.
	time.Sleep(pace.Of(80 * time.Second))
	status, _ = call(t, http.MethodGet, "http://127.95.3.1:8000/health_generate", "")
	assert.Equal(t, 200, status, "%s", leader.log())
	assert.NotContains(t, leader.log()+worker.log(), "launch: ")

	require.NoError(t, leader.command.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 137, leader.code(), "the server kills itself once it has been asked")
	require.NoError(t, worker.command.Process.Signal(syscall.SIGTERM))
	assert.Equal(t, 143, worker.code())
}

// The script's message is the last line of the rank that it ends.
func TestTheLaunchScriptEndsARank(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		network, port string
		run           func(t *testing.T, r *ranks) (ended *pod)
		says          string // pattern; the script's own tests check the rest of the message
	}{
		"a leader that waits for a worker": {
			"127.95.4", "22100",
			func(t *testing.T, r *ranks) *pod {
				leader := r.leader(t)
				assert.Equal(t, 1, leader.code())
				assert.Contains(t, leader.log(), "[Publisher 0] Begins to synchronize, wait 1 Subscribers\n")
				return leader
			},
			monitoring.RendezvousLine + `1 minutes: x-0-1 \(127\.95\.4\.2\) `,
		},
		"a worker that waits for its leader": {
			"127.95.7", "22400",
			func(t *testing.T, r *ranks) *pod { return r.worker(t) },
			monitoring.RendezvousLine + `1 minutes: .*x-0 \(127\.95\.7\.1\) cannot be reached`,
		},
		// The server's main process would not end (TestALostRankLeavesTheMainProcessWithoutAScheduler).
		"a leader whose worker has ended": {
			"127.95.6", "22300",
			func(t *testing.T, r *ranks) *pod {
				leader, worker := r.leader(t), r.worker(t)
				require.Eventually(t, func() bool { return strings.Contains(leader.log(), "fired up") }, time.Minute, 50*time.Millisecond, "%s\n%s", leader.log(), worker.log())
				time.Sleep(2 * time.Second) // until the script has detected all ranks
				require.NoError(t, syscall.Kill(-worker.command.Process.Pid, syscall.SIGKILL))
				return leader
			},
			`^launch: 1 of 1 workers `,
		},
		// A leader that has completed its handshake with another pod of this rank never answers. Both ranks end then; here
		// each is beside a server without the script.
		"a leader that has met a worker of the group before": {
			"127.95.5", "22200",
			func(t *testing.T, r *ranks) *pod {
				leader := r.leader(t)
				require.Eventually(t, func() bool { return strings.Contains(leader.log(), "Begins to synchronize") }, 20*time.Second, 20*time.Millisecond)
				r.machine(r.socket, r.network+".9").subscribe(1, "x-0.x.sglang", 22200)
				go r.machine(r.socket, r.network+".2").subscribe(1, "x-0.x.sglang", 22200)
				return leader
			},
			monitoring.RendezvousLine + `1 minutes: the workers are connected, but the handshake with the server does not end`,
		},
		"a worker that comes too late": {
			"127.95.8", "22500",
			func(t *testing.T, r *ranks) *pod {
				met := make(chan error)
				go func() { met <- r.machine(r.socket, r.network+".1").publish(2, r.network+".1", 22500) }()
				r.machine(r.socket, r.network+".9").subscribe(1, "x-0.x.sglang", 22500)
				require.NoError(t, <-met)
				runtime.GC() // closes unreferenced connections
				return r.worker(t)
			},
			monitoring.RendezvousLine + `1 minutes: .*x-0 \(127\.95\.8\.1\) does not answer`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := tc.run(t, newRanks(t, tc.network, tc.port))
			assert.Equal(t, 1, ended.code())
			lines := strings.Split(strings.TrimSpace(ended.log()), "\n")
			assert.Regexp(t, tc.says, lines[len(lines)-1])
		})
	}
}
