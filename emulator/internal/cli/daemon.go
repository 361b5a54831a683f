package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/tools"
)

// start builds what is missing, and what else is given beside it, starts the daemon unless
// it runs, and lays the stack's configuration out.
func (c *CLI) start(ctx context.Context, o options, beside ...tools.Step) error {
	if err := c.tools(ctx, options{}, beside...); err != nil {
		return err
	}
	if err := c.startDaemon(ctx); err != nil {
		return err
	}
	return c.prepare(ctx, o)
}

// tools makes ready what a command needs, and builds what else is given beside it.
func (c *CLI) tools(ctx context.Context, o options, beside ...tools.Step) error {
	if err := os.MkdirAll(c.Layout.Bin(), 0o755); err != nil {
		return err
	}
	modules := filepath.Join(c.Checkout, "emulator", "tools")
	set := tools.Check
	if o.Stack != "check" {
		set = tools.Runtime
	}
	if err := tools.Ensure(ctx, c.Layout, modules, set, c.Out, beside...); err != nil {
		return err
	}
	if err := tools.Chart(ctx, c.Layout, modules); err != nil {
		return err
	}
	return c.link()
}

// startDaemon starts the daemon in a session of its own, so that a Ctrl-C meant for
// pulumi does not reach it, and waits until it answers.
func (c *CLI) startDaemon(ctx context.Context) error {
	if c.daemonAnswers(ctx) {
		return nil
	}
	if err := os.MkdirAll(c.Layout.Run(), 0o700); err != nil {
		return err
	}
	logFile := filepath.Join(c.Layout.Run(), "daemon.log")
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
	// A folder of its own, by which its processes are told from those of commands.
	cmd.Env = append(without(c.environ(""), "TMPDIR"), "TMPDIR="+c.Layout.DaemonTmp())
	cmd.Dir = c.Layout.Root
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	fmt.Fprintln(c.Out, "starting the emulated cloud")
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	for {
		select {
		case <-exited:
			return fmt.Errorf("the emulated cloud did not start:\n%s\n(the whole log is %s)", lastLines(logFile, 5), logFile)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), c.stopDaemon())
		case <-time.After(100 * time.Millisecond):
			if c.daemonAnswers(ctx) {
				return nil
			}
		}
	}
}

// stopDaemon ends the daemon and with it every process of the emulator, also those
// that a killed command left.
func (c *CLI) stopDaemon() error {
	err := c.endDaemon()
	c.sweep(c.Layout.DaemonTmp())
	c.sweep(c.Layout.Tmp())
	return err
}

func (c *CLI) endDaemon() error {
	text, err := os.ReadFile(c.Layout.PIDFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	pid, malformed := strconv.Atoi(strings.TrimSpace(string(text)))
	if malformed != nil || !isDaemon(pid) {
		return os.Remove(c.Layout.PIDFile())
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if !isDaemon(pid) {
			return nil
		}
	}
	// Its children die with it: they are started with a parent-death signal.
	return syscall.Kill(pid, syscall.SIGKILL)
}

// isDaemon guards against a process id that now belongs to somebody else.
func isDaemon(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(text), "emulator\x00daemon")
}

// client speaks to the daemon over its socket.
func (c *CLI) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", c.Layout.Socket())
		},
	}}
}

func (c *CLI) daemonAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var health map[string]string
	return c.get(ctx, "/healthz", &health) == nil
}

// get decodes the daemon's JSON answer.
func (c *CLI) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://emulator"+path, nil)
	if err != nil {
		return err
	}
	res, err := c.client().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the emulator answered %s to %s", res.Status, path)
	}
	return json.NewDecoder(res.Body).Decode(into)
}

func lastLines(file string, n int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
