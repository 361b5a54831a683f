package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/tools"
)

// up is the main job: everything from nothing to an answer of the model server. It
// says at the end how long each part took.
func (c *CLI) up(ctx context.Context, o options) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	program, err := tools.Program(ctx, c.Layout, c.Program)
	if err != nil {
		return err
	}
	if err := c.tools(ctx, options{}, program...); err != nil {
		return err
	}
	var watch stopwatch
	watch.lap("tools")
	err = c.upAll(ctx, o, &watch)
	if ctx.Err() != nil {
		return errors.Join(err, c.stopDaemon())
	}
	if err != nil {
		return fmt.Errorf("%w\nThe emulator is left running to look at: eval \"$(bin/emulator env %s)\". Logs are in %s", err, o.Stack, c.Layout.Logs())
	}
	watch.print(c.Out)
	return nil
}

func (c *CLI) upAll(ctx context.Context, o options, watch *stopwatch) error {
	if err := c.startDaemon(ctx); err != nil {
		return err
	}
	if err := c.prepare(ctx, o); err != nil {
		return err
	}
	if err := c.settle(ctx, o.Stack); err != nil {
		return err
	}
	watch.lap("emulated cloud")
	if err := c.change(ctx, o.Stack, "up", "--yes", "--skip-preview"); err != nil {
		return fmt.Errorf("pulumi up failed: %w", err)
	}
	watch.lap("pulumi up")
	if err := c.ask(ctx, o.Stack); err != nil {
		return err
	}
	watch.lap("question and answer")
	return nil
}

func (c *CLI) preview(ctx context.Context, o options) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	program, err := tools.Program(ctx, c.Layout, c.Program)
	if err != nil {
		return err
	}
	if err := c.start(ctx, o, program...); err != nil {
		return err
	}
	return c.pulumi(ctx, o.Stack, "preview", "--diff")
}

// command prepares the Pulumi CLI to run in the checkout.
func (c *CLI) command(ctx context.Context, stack string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.Layout.Bin(), "pulumi"), args...)
	cmd.Dir = c.Program
	cmd.Env = c.environ(stack)
	return cmd
}

// pulumi runs the CLI with its own display. A Ctrl-C reaches it through the terminal
// and it ends by itself, saving what it did; so it is waited for, not killed, and not
// told again: at a second interrupt Pulumi gives up what is under way.
func (c *CLI) pulumi(ctx context.Context, stack string, args ...string) error {
	cmd := c.command(ctx, stack, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, c.Out, c.Err
	cmd.Cancel = func() error {
		if errors.Is(context.Cause(ctx), errInterrupt) {
			return nil
		}
		return cmd.Process.Signal(syscall.SIGINT)
	}
	cmd.WaitDelay = 2 * time.Minute
	return cmd.Run()
}

// lock keeps two commands of one checkout apart.
func (c *CLI) lock() (unlock func(), err error) {
	if err := os.MkdirAll(c.Layout.Run(), 0o700); err != nil {
		return nil, fmt.Errorf("cannot write to the checkout: %w", err)
	}
	f, err := os.OpenFile(c.Layout.Run()+"/command.lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another emulator command is running in this checkout; wait for it or interrupt it"), f.Close())
	}
	return func() { f.Close() }, nil
}

// stopwatch says where the time went.
type stopwatch struct {
	last  time.Time
	names []string
	took  []time.Duration
}

var processStart = time.Now()

func (s *stopwatch) lap(name string) {
	if s.last.IsZero() {
		s.last = processStart
	}
	now := time.Now()
	s.names, s.took = append(s.names, name), append(s.took, now.Sub(s.last))
	s.last = now
}

func (s *stopwatch) print(out io.Writer) {
	var total time.Duration
	for _, d := range s.took {
		total += d
	}
	fmt.Fprintf(out, "\nDone in %s:", total.Round(time.Second))
	for i, name := range s.names {
		fmt.Fprintf(out, " %s %s;", name, s.took[i].Round(time.Second))
	}
	fmt.Fprintln(out)
}
