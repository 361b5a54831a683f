package sgljax

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const module = "sgl_jax.launch_server"

// scheduler is the title of the process that uses the chips. Liveness probes check for it.
const scheduler = "sglang::scheduler"

// Main implements python3. It runs only one module; for others it prints Python's error.
func Main(args []string) int {
	if len(args) == 1 && args[0] == scheduler {
		return schedule()
	}
	var rest []string
	name := ""
	for i := 0; i < len(args); i++ {
		if args[i] == "-m" && i+1 < len(args) {
			name, rest = args[i+1], args[i+2:]
			break
		}
	}
	if name != module {
		fmt.Fprintf(os.Stderr, "/usr/local/bin/python3: No module named %s\n", name)
		return 1
	}
	parsed, err := parse(rest)
	switch {
	case errors.Is(err, errHelp):
		fmt.Print(usage()) // without the descriptions of the arguments
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "%slaunch_server.py: error: %v\n", usage(), err)
		return 2
	}
	return thisMachine().run(parsed)
}

func say(format string, args ...any) {
	fmt.Printf("[%s] %s\n", time.Now().Format("2006-01-02 15:04:05"), fmt.Sprintf(format, args...))
}

// fail prints an uncaught exception and returns the exit code.
func fail(err error) int {
	fmt.Fprintf(os.Stderr, "Traceback (most recent call last):\n  File \"/usr/local/lib/python3.12/site-packages/sgl_jax/launch_server.py\", in <module>\n%v\n", err)
	return 1
}

// killed is the exit code after SIGKILL, with which the server ends itself (kill_process_tree
// in utils/common_utils.py).
const killed = 128 + int(syscall.SIGKILL)

// schedulerFailed prints an exception of the scheduler's process, which then signals its parent
// (run_scheduler_process, sigquit_handler), and returns the exit code.
func schedulerFailed(err error) int {
	say("Scheduler hit an exception: Traceback (most recent call last):\n%v\n", err)
	say("Received sigquit from a child process. It usually means the child failed.")
	return killed
}

// run runs the server. The main process of the first rank reads tokenizer and configuration
// immediately. Other ranks have only a scheduler, which reads them after the handshake
// (Scheduler.__init__).
func (m *machine) run(a arguments) int {
	say("server_args=%v", map[string]string(a))
	if err := checkArguments(a); err != nil {
		return fail(err)
	}
	if m.chips == 0 {
		return schedulerFailed(fmt.Errorf("RuntimeError: Unable to initialize backend 'tpu': UNKNOWN: TPU initialization failed: No TPU devices found on this host"))
	}
	w, files := newWorld(a), m.files(a)
	if w.rank == 0 {
		if err := files.configuration(); err != nil {
			return fail(err)
		}
	}
	if err := m.handshake(a, w); err != nil {
		return schedulerFailed(err)
	}
	if w.rank > 0 {
		if err := files.configuration(); err != nil {
			return schedulerFailed(err)
		}
	}
	devices, err := m.meet(a, w)
	if err != nil {
		return schedulerFailed(err)
	}
	say("jax.distributed initialized: process %d of %d, %d devices", w.rank, w.size, devices)
	if err := checkShape(a, devices); err != nil {
		return schedulerFailed(err)
	}
	child, err := startScheduler()
	if err != nil {
		return fail(err)
	}
	if err := files.weights(); err != nil {
		return schedulerFailed(err)
	}
	if err := files.additional(a); err != nil {
		return fail(err)
	}
	if err := checkPools(a); err != nil {
		return fail(err)
	}
	if err := m.loadSlowly(); err != nil {
		return fail(err)
	}
	if err := m.compile(a, w, devices); err != nil {
		return schedulerFailed(err)
	}
	return (&server{args: a, world: w, scheduler: child, devices: devices, tokenizer: files.loaded}).serve(m)
}

// startScheduler starts the process that uses the chips.
func startScheduler() (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: self, Args: []string{"python3", scheduler}, Stdout: os.Stdout, Stderr: os.Stderr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return cmd, cmd.Start()
}

// schedule is the main function of the scheduler's process. It ends when its parent does.
func schedule() int {
	var b [1]byte
	_, _ = os.Stdin.Read(b[:]) // returns when the parent has ended
	return 0
}
