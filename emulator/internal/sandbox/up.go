package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/tools"
)

// up builds everything, deploys a stack, sends a request to the model server, and prints how
// long each part took.
func up(ctx context.Context, s *Sandbox, o options) error {
	if err := build(ctx, s, o); err != nil {
		return err
	}
	watch := stopwatch{last: time.Now()}
	err := upAll(ctx, s, o, &watch)
	if ctx.Err() != nil {
		return errors.Join(err, s.Daemon().Stop())
	}
	if err != nil {
		return fmt.Errorf("%w\nThe emulator keeps running, so that you can examine it: eval \"$(bin/emulator env %s)\". Logs are in %s", err, o.Stack, s.Layout.Logs())
	}
	watch.print(s.Out)
	return nil
}

// build builds missing tools, and the program if its sources have changed, unless there is no
// such stack.
func build(ctx context.Context, s *Sandbox, o options) error {
	if _, _, err := s.Stack(o.Stack).source(); err != nil {
		return err
	}
	program, err := tools.Program(ctx, s.Layout, s.Program)
	if err != nil {
		return err
	}
	return s.Tools(ctx, tools.Runtime, program...)
}

func upAll(ctx context.Context, s *Sandbox, o options, watch *stopwatch) error {
	if err := open(ctx, s, o); err != nil {
		return err
	}
	stack := s.Stack(o.Stack)
	if err := stack.Settle(ctx); err != nil {
		return err
	}
	watch.lap("emulated cloud")
	if err := stack.Change(ctx, "up", "--yes", "--skip-preview"); err != nil {
		return fmt.Errorf("pulumi up failed: %w", err)
	}
	watch.lap("pulumi up")
	if err := stack.ask(ctx); err != nil {
		return err
	}
	watch.lap("question and answer")
	return nil
}

// start builds missing tools and calls open.
func start(ctx context.Context, s *Sandbox, o options) error {
	if err := s.Tools(ctx, tools.Runtime); err != nil {
		return err
	}
	return open(ctx, s, o)
}

// open starts the daemon unless it is running, and writes the stack's configuration. The tools
// must be built.
func open(ctx context.Context, s *Sandbox, o options) error {
	if err := s.Daemon().Start(ctx, s.Out); err != nil {
		return err
	}
	return s.Stack(o.Stack).Prepare(ctx, o.Config...)
}

// preview shows what up would change. Interrupted, it leaves the emulated cloud as it was, and
// ends Pulumi's plugins: they are in process groups of their own, which Ctrl-C does not reach,
// and some outlive Pulumi.
func preview(ctx context.Context, s *Sandbox, o options) error {
	running := s.Daemon().answers(ctx)
	err := s.preview(ctx, o)
	switch {
	case ctx.Err() == nil:
		return err
	case running:
		sweep(s.Layout.Tmp())
		return err
	default:
		return errors.Join(err, s.Daemon().Stop())
	}
}

func (s *Sandbox) preview(ctx context.Context, o options) error {
	if err := build(ctx, s, o); err != nil {
		return err
	}
	if err := open(ctx, s, o); err != nil {
		return err
	}
	if err := s.Stack(o.Stack).pulumi(ctx, "preview", "--diff"); err != nil {
		return fmt.Errorf("pulumi preview failed: %w", err)
	}
	fmt.Fprintln(s.Out, "\nmake review says in words what a change stops and for how long. The emulator runs until make down.")
	return nil
}

// stopwatch measures the parts of a command.
type stopwatch struct {
	last  time.Time
	names []string
	took  []time.Duration
}

func (s *stopwatch) lap(name string) {
	now := time.Now()
	s.names, s.took = append(s.names, name), append(s.took, now.Sub(s.last))
	s.last = now
}

func (s *stopwatch) print(out io.Writer) {
	var total time.Duration
	for _, d := range s.took {
		total += d
	}
	parts := make([]string, len(s.names))
	for i, name := range s.names {
		parts[i] = fmt.Sprintf("%s %s", name, s.took[i].Round(time.Second))
	}
	fmt.Fprintf(out, "\nThe stack is up after %s: %s\n", total.Round(time.Second), strings.Join(parts, "; "))
}
