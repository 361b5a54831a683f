// Package sandbox is the command line of the emulator. It starts the emulated GKE, runs the
// real Pulumi CLI against it, and stops both.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/tools"
)

const usage = `emulator: GKE with TPU v7x on this machine, for Pulumi programs

  emulator up [STACK]        bring STACK (default dev) up and ask the model server something
  emulator preview [STACK]   pulumi preview --diff of STACK
  emulator down [STACK]      pulumi destroy of STACK, and stop
  emulator env [STACK]       shell exports for typing pulumi and kubectl yourself:
                             eval "$(bin/emulator env)"
  emulator config [STACK]    take over edits of Pulumi.STACK.yaml, as up, preview, and pulumi in
                             the shell of emulator env do first
  emulator start | stop      the emulated cloud alone
  emulator review [STACK...] what the working tree would do to each environment (default
                             all), as a report; see emulator review -h
  emulator faults            each operation on each resource fails; see make faults
  emulator chaos             a stack that serves loses its parts at random; see make chaos
  emulator bench             times, as ratios; see make bench
  emulator tools [check]     build what is missing
  emulator resources [-v]    what exists in the emulated cloud; -v: with all its properties, as JSON
  emulator ground FILE       make what is there before any stack, such as a network or a cluster:
                             a list of type and inputs, in YAML; stacks leave it alone
  emulator ground remove     delete it
  emulator counters [reset]  bytes fetched, images built, code compiled, as JSON
  emulator secret NAME       put standard input into Secret Manager as a version of NAME,
                             projects/PROJECT/secrets/SECRET; it is gone when the emulator stops
  emulator repair NODE       fail a node's host and let GKE repair it
  emulator preempt SLICE [MINUTES]   take a spot slice back, with Google's notice; after so many
                             of Google's minutes (10) it has the chips again. SLICE is the node
                             pool's name, or what it ends with
  emulator maintain [DATE] [minor]   let the clock pass the next maintenance window, from DATE
                             on, with a patch or a minor version of GKE pending, and say what
                             was upgraded and what an exclusion kept
  emulator fault [...]       make something fail; without arguments: what is set
      create MATCH TEXT [TIMES]    the create of a resource whose id contains MATCH
      update MATCH TEXT [TIMES]    the update of such a resource
      scale-up MATCH [TEXT [TIMES]]   nodes that GKE's autoscaler asks for; MATCH is in the
                                   node pool's id, zone or capacity mode, such as us-central1-c
      hub REPOSITORY [TEXT [TIMES]]   a download, after part of its files
      bucket NAME [TEXT [TIMES]]      writing into a bucket, for want of quota
      load POD [TEXT [TIMES]]         a rank that loads for TEXT seconds (60) longer, or fails
                                   with TEXT if that is no number
      iam MATCH                    removes policy members whose id contains MATCH
      clear

  -c KEY=VALUE               (up, preview, start) sets configuration over Pulumi.STACK.yaml
`

// Command is a subcommand. args are the arguments after its name.
type Command func(ctx context.Context, s *Sandbox, args []string) error

// commands are the subcommands by name; Main adds others.
var commands = map[string]Command{
	"up":        withOptions(alone(up)),
	"preview":   withOptions(alone(preview)),
	"down":      withOptions(alone(down)),
	"env":       withOptions(func(_ context.Context, s *Sandbox, o options) error { return s.printEnv(o.Stack) }),
	"config":    withOptions(func(ctx context.Context, s *Sandbox, o options) error { return s.Stack(o.Stack).Follow(ctx) }),
	"start":     withOptions(start),
	"stop":      withOptions(func(_ context.Context, s *Sandbox, _ options) error { return s.Daemon().Stop() }),
	"tools":     withOptions(buildTools),
	"resources": printResources,
	"ground":    ground,
	"counters":  counters,
	"repair":    repair,
	"preempt":   preempt,
	"maintain":  maintain,
	"secret":    secret,
	"fault":     fault,
}

// Main runs a subcommand, one of commands or of others, and returns the exit code.
func Main(args []string, others map[string]Command) int {
	ctx := untilSignalled()
	var code ExitCode
	err := run(ctx, args, others)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, errUsage):
		fmt.Fprint(os.Stderr, usage)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "emulator: interrupted; nothing is left running, and the same command goes on from here")
		return 130
	default:
		fmt.Fprintf(os.Stderr, "emulator: %v\n", err)
		return 1
	}
}

func run(ctx context.Context, args []string, others map[string]Command) error {
	if len(args) == 0 {
		return errUsage
	}
	command := commands[args[0]]
	if other := others[args[0]]; other != nil {
		command = other
	}
	if command == nil {
		return errUsage
	}
	s, err := find()
	if err != nil {
		return err
	}
	return command(ctx, s, args[1:])
}

// ExitCode ends the command with this code; the command has printed its reason.
type ExitCode int

func (e ExitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

var (
	errUsage     = errors.New("usage")
	errInterrupt = errors.New("interrupted") // by Ctrl-C, which the terminal sends to child processes as well
	errTerminate = errors.New("terminated")
)

// untilSignalled ends at the first signal, with one of the errors above as its cause.
func untilSignalled() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if s := <-signals; s == os.Interrupt {
			cancel(errInterrupt)
		} else {
			cancel(errTerminate)
		}
	}()
	return ctx
}

// find returns the sandbox of the checkout that the working directory is in.
func find() (*Sandbox, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "Pulumi.yaml")); err == nil {
			root := os.Getenv(layout.EnvVar)
			if root == "" {
				root = filepath.Join(at, ".emulator")
			}
			return &Sandbox{Checkout: at, Program: at, Layout: layout.Layout{Root: root}, Out: os.Stdout, Err: os.Stderr}, nil
		}
		if at == filepath.Dir(at) {
			return nil, fmt.Errorf("no Pulumi.yaml in %s or above it; run this inside the checkout", dir)
		}
	}
}

// options are the arguments of most commands: a stack, and settings over its file.
type options struct {
	Stack  string
	Config []string // KEY=VALUE, the key with its namespace
}

func withOptions(command func(context.Context, *Sandbox, options) error) Command {
	return func(ctx context.Context, s *Sandbox, args []string) error {
		o := options{Stack: "dev"}
		for i := 0; i < len(args); i++ {
			switch {
			case args[i] == "-c" && i+1 < len(args):
				i++
				o.Config = append(o.Config, args[i])
			case len(args[i]) > 0 && args[i][0] != '-':
				o.Stack = args[i]
			default:
				return errUsage
			}
		}
		return command(ctx, s, o)
	}
}

// alone runs a command under the lock of its folder.
func alone(command func(context.Context, *Sandbox, options) error) func(context.Context, *Sandbox, options) error {
	return func(ctx context.Context, s *Sandbox, o options) error {
		unlock, err := Lock(s.Layout)
		if err != nil {
			return err
		}
		defer unlock()
		return command(ctx, s, o)
	}
}

func buildTools(ctx context.Context, s *Sandbox, o options) error {
	if o.Stack == "check" {
		return s.Tools(ctx, tools.Check)
	}
	return s.Tools(ctx, tools.Runtime)
}
