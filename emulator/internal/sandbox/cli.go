// Package sandbox implements the emulator's command line. It starts and stops the emulated GKE
// and runs the real Pulumi CLI against it.
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

  emulator up [STACK]        deploy STACK (default dev) and send a request to
                             the model server
  emulator preview [STACK]   pulumi preview --diff of STACK
  emulator down [STACK]      pulumi destroy of STACK, then stop
  emulator env [STACK]       print shell commands, to use pulumi and kubectl
                             with the emulator: eval "$(bin/emulator env)"
  emulator config [STACK]    apply edits of Pulumi.STACK.yaml; up, preview, and
                             pulumi in the shell of emulator env do this first
  emulator start | stop      start or stop the emulated cloud
  emulator review [STACK...] report what the working tree would change in each
                             environment (default: all); see emulator review -h
  emulator faults            make each operation on each resource fail; see make
                             faults
  emulator chaos             kill parts of a serving stack at random; see make
                             chaos
  emulator bench             measure how fast the emulator is; see make bench
  emulator tools [check]     build missing tools
  emulator resources [-v]    list the resources of the emulated cloud; -v: with
                             all properties, as JSON
  emulator ground FILE       create resources that exist before any stack, such
                             as a network or a cluster, from a YAML list of type
                             and inputs
  emulator ground remove     delete them
  emulator counters [reset]  print bytes downloaded, images built and
                             compilations, as JSON
  emulator secret NAME       add standard input to Secret Manager as a version
                             of NAME, projects/PROJECT/secrets/SECRET; lost when
                             the emulator stops
  emulator repair NODE       make a node's host fail, and wait until GKE has
                             repaired it
  emulator preempt SLICE [MINUTES]
                             preempt a spot slice, with Google's notice; there
                             is capacity again after MINUTES (10) of Google's
                             time. SLICE is the node pool's name, or a suffix of
                             it
  emulator maintain [DATE] [minor]
                             simulate the next maintenance window after DATE,
                             with a patch or a minor version of GKE pending, and
                             print what is upgraded and what an exclusion
                             prevents
  emulator fault [...]       make operations fail; without arguments: list the
                             faults
      create MATCH TEXT [TIMES]    the create of a resource whose ID contains
                                   MATCH
      update MATCH TEXT [TIMES]    the update of such a resource
      scale-up MATCH [TEXT [TIMES]]
                                   a scale-up by GKE's autoscaler; MATCH is part
                                   of the node pool's ID, zone or capacity mode,
                                   such as us-central1-c
      hub REPOSITORY [TEXT [TIMES]]
                                   a download, after some of its files
      bucket NAME [TEXT [TIMES]]   writes to a bucket; by default the quota is
                                   exceeded
      load POD [TEXT [TIMES]]      loading takes TEXT seconds (60) longer, or
                                   fails with TEXT if that is not a number
      iam MATCH                    remove IAM members whose ID contains MATCH
      clear                        remove all faults

  -c KEY=VALUE               (up, preview, start) set configuration on top of
                             Pulumi.STACK.yaml
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
	"ground":    changeGround,
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
		fmt.Fprintln(os.Stderr, "emulator: interrupted; no process of the command is left. Run the same command again to continue")
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

// untilSignalled returns a context that ends at the first signal, with errInterrupt or
// errTerminate as its cause.
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

// find returns the sandbox of the checkout that contains the working directory.
func find() (*Sandbox, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "Pulumi.yaml")); err == nil {
			return &Sandbox{Checkout: at, Program: at, Layout: layout.Of(at), Out: os.Stdout, Err: os.Stderr}, nil
		}
		if at == filepath.Dir(at) {
			return nil, fmt.Errorf("no Pulumi.yaml in %s or above it; run this inside the checkout", dir)
		}
	}
}

// options are the arguments of most commands.
type options struct {
	Stack  string
	Config []string // KEY=VALUE, on top of the stack's file; KEY includes the namespace
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

// alone runs a command while holding the lock of its folder.
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
