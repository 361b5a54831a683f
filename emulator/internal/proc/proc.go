// Package proc runs child processes that end with their parent, even if that is killed.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a child process with its own process group.
type Process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error
}

// starter starts all children from one thread that never ends: the parent-death signal is sent
// when the thread ends that started the child, not when the process ends.
var starter = sync.OnceValue(func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// Start starts a command. Its output goes to the file log unless cmd.Stdout is set.
func Start(cmd *exec.Cmd, log string) (*Process, error) {
	if cmd.Stdout == nil {
		if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
			return nil, err
		}
		file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		cmd.Stdout, cmd.Stderr = file, file
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &Process{cmd: cmd, log: log, done: make(chan struct{})}
	started := make(chan error)
	starter() <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// PID returns the process ID, which is also the ID of the process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// ExitCode returns the exit code of an ended process: 128 plus the signal's number if it was
// killed.
func (p *Process) ExitCode() int {
	state := p.cmd.ProcessState
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// Signal sends a signal to the process, not to its group. It does nothing if the process has
// ended.
func (p *Process) Signal(s syscall.Signal) { _ = syscall.Kill(p.PID(), s) }

// Stop ends the process and all its children: TERM to the process, and KILL to the group after
// grace, or when the context ends. Without grace there is no TERM.
func (p *Process) Stop(ctx context.Context, grace time.Duration) {
	if grace > 0 {
		p.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-ctx.Done():
		case <-time.After(grace):
		}
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
}

// Ready waits until check passes. If the process ends first or the limit passes, the error
// contains the last lines of the log.
func (p *Process) Ready(ctx context.Context, name string, limit time.Duration, check func() error) error {
	deadline := time.After(limit)
	var err error
	for {
		if err = check(); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			if p.err == nil {
				return fmt.Errorf("%s ended\n%s", name, Tail(p.log, 8))
			}
			return fmt.Errorf("%s ended: %w\n%s", name, p.err, Tail(p.log, 8))
		case <-deadline:
			return fmt.Errorf("%s was not ready after %s: %w\n%s", name, limit, err, Tail(p.log, 8))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Tail returns the last lines of a file.
func Tail(file string, lines int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Memory returns the resident memory of a process in bytes; 0 if it has ended.
func Memory(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	var size, resident int64
	if _, scanErr := fmt.Sscan(string(text), &size, &resident); err != nil || scanErr != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// WithEnvironment returns the IDs of the processes whose environment contains a text, such as
// "NAME=value\x00"; each variable ends with a NUL. Processes whose environment cannot be read,
// because they have ended or are another user's, are left out.
func WithEnvironment(text string) []int {
	var found []int
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well-formed
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(env, []byte(text)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			found = append(found, pid)
		}
	}
	return found
}

// Output returns the standard output of a command. The error has its standard error.
func Output(cmd *exec.Cmd) ([]byte, error) {
	text, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return text, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(exit.Stderr))
	}
	return text, err
}
