package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/proc"
	"sglang-tpu/emulator/internal/socket"
)

// Daemon is the process that runs the emulated cloud.
type Daemon struct{ s *Sandbox }

// Start starts the daemon unless it is running, says so, and waits until it is ready. The daemon has its
// own session, so that Ctrl-C does not reach it.
func (d Daemon) Start(ctx context.Context, out io.Writer) error {
	if d.answers(ctx) {
		return nil
	}
	if err := os.MkdirAll(d.s.Layout.Run(), 0o700); err != nil {
		return err
	}
	logFile := filepath.Join(d.s.Layout.Run(), "daemon.log")
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "daemon")
	// Its TMPDIR distinguishes its processes from those of commands; see sweep.
	cmd.Env = append(without(d.s.Environ(""), "TMPDIR"), "TMPDIR="+d.s.Layout.DaemonTmp())
	cmd.Dir = d.s.Layout.Root
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	fmt.Fprintln(out, "starting the emulated cloud")
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	for {
		select {
		case <-exited:
			return fmt.Errorf("the emulated cloud did not start:\n%s\n(the full log is in %s)", proc.Tail(logFile, 5), logFile)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), d.Stop())
		case <-time.After(100 * time.Millisecond):
			if d.answers(ctx) {
				return nil
			}
		}
	}
}

// Stop stops the daemon and all processes of the emulator, including those that a killed
// command has left.
func (d Daemon) Stop() error {
	err := d.end()
	sweep(d.s.Layout.DaemonTmp())
	// Children of containers whose daemon was killed still hold ports. Each container has its own TMPDIR in this folder.
	sweepMarked("TMPDIR=" + d.s.Layout.Pod("") + "/")
	sweep(d.s.Layout.Tmp())
	return err
}

func (d Daemon) end() error {
	text, err := os.ReadFile(d.s.Layout.PIDFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	pid, malformed := strconv.Atoi(strings.TrimSpace(string(text)))
	if malformed != nil || !isDaemon(pid) {
		return os.Remove(d.s.Layout.PIDFile())
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if !isDaemon(pid) {
			return nil
		}
	}
	// Its children end, too: they are started with a parent-death signal.
	return syscall.Kill(pid, syscall.SIGKILL)
}

// isDaemon reports whether a process ID is that of a daemon and was not reused.
func isDaemon(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(text), "emulator\x00daemon")
}

func (d Daemon) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var health map[string]string
	return d.Get(ctx, "/healthz", &health) == nil
}

// Get sends a GET request; see socket.Get.
func (d Daemon) Get(ctx context.Context, path string, reply any) error {
	return socket.Get(ctx, d.s.Layout.Socket(), path, reply)
}

// Post sends a POST request; see socket.Post.
func (d Daemon) Post(ctx context.Context, path string, request, reply any) error {
	return socket.Post(ctx, d.s.Layout.Socket(), path, request, reply)
}

// Kill kills all processes of a Pulumi command at once, to simulate a crash.
func (s *Sandbox) Kill() { sweep(s.Layout.Tmp()) }

// sweep kills the processes that a killed command has left, and reports whether there were
// any. Pulumi's plugins and compilers have their own process groups and end late. They are
// recognized by the TMPDIR that this program sets for its children; a shell with the emulator's
// environment has another one.
func sweep(folder string) bool { return sweepMarked("TMPDIR=" + folder + "\x00") }

// sweepMarked kills the processes whose environment contains a text.
func sweepMarked(text string) bool {
	swept := false
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found := false
		for _, pid := range proc.WithEnvironment(text) {
			if pid != os.Getpid() {
				found, swept = true, true
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
			}
		}
		if !found {
			break
		}
	}
	return swept
}
