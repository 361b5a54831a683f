package sandbox

import (
	"context"
	"errors"
	"fmt"
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
	began, last := time.Now(), time.Now()
	var parts []string
	err := upAll(ctx, s, o, func(part string) {
		parts = append(parts, fmt.Sprintf("%s %s", part, time.Since(last).Round(time.Second)))
		last = time.Now()
	})
	if ctx.Err() != nil {
		return errors.Join(err, s.Daemon().Stop())
	}
	if err != nil {
		return fmt.Errorf("%w\nThe emulator keeps running, so that you can examine it: eval \"$(bin/emulator env %s)\". Logs are in %s", err, o.Stack, s.Layout.Logs())
	}
	fmt.Fprintf(s.Out, "\nThe stack is up after %s: %s\n", last.Sub(began).Round(time.Second), strings.Join(parts, "; "))
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

// upAll calls done after each part, with its name.
func upAll(ctx context.Context, s *Sandbox, o options, done func(part string)) error {
	if err := open(ctx, s, o); err != nil {
		return err
	}
	stack := s.Stack(o.Stack)
	if err := stack.Settle(ctx); err != nil {
		return err
	}
	done("emulated cloud")
	if err := stack.Change(ctx, "up", "--yes", "--skip-preview"); err != nil {
		return fmt.Errorf("pulumi up failed: %w", err)
	}
	done("pulumi up")
	if err := stack.ask(ctx); err != nil {
		return err
	}
	done("question and answer")
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
