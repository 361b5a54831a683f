// Package sandbox is what people and make type: it brings the emulated GKE up, runs the
// real Pulumi CLI against it, and takes both down again.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"sglang-tpu/emulator/internal/layout"
)

// CLI runs one command for one checkout.
type CLI struct {
	Checkout string        // root of the repository
	Program  string        // the Pulumi program's folder; the checkout but in a review
	Layout   layout.Layout // its .emulator folder
	Out      io.Writer
	Err      io.Writer
}

const usage = `emulator: GKE with TPU v7x on this machine, for Pulumi programs

  emulator up [STACK]        bring STACK (default dev) up and ask the model server something
  emulator preview [STACK]   pulumi preview --diff of STACK
  emulator down [STACK]      pulumi destroy of STACK, and stop
  emulator env [STACK]       shell exports for typing pulumi and kubectl yourself:
                             eval "$(bin/emulator env)"
  emulator start | stop      the emulated cloud alone
  emulator review [STACK...] what the working tree would do to each environment (default
                             all), as a report; see emulator review -h
  emulator tools [check]     build what is missing
  emulator resources         what exists in the emulated cloud
  emulator counters [reset]  bytes fetched, images built, code compiled, as JSON
  emulator secret NAME       put standard input into Secret Manager as a version of NAME,
                             projects/PROJECT/secrets/SECRET; it is gone when the emulator stops
  emulator repair NODE       fail a node's host and let GKE repair it
  emulator fault [...]       make something fail; without arguments: what is set
      create MATCH TEXT [TIMES]    the create of a resource whose id contains MATCH
      update MATCH TEXT [TIMES]    the update of such a resource
      hub REPOSITORY [TEXT [TIMES]]   a download, after part of its files
      bucket NAME [TEXT [TIMES]]      writing into a bucket, for want of quota
      load POD [TEXT [TIMES]]         a rank that loads for TEXT seconds (60) longer, or fails
                                   with TEXT if that is no number
      iam MATCH                    removes policy members whose id contains MATCH
      clear

  -c KEY=VALUE               (up, preview, start) sets configuration over Pulumi.STACK.yaml
`

// Main runs the command line and returns the exit code.
func Main(args []string) int {
	ctx := untilSignalled()
	var code exitCode
	c, err := newCLI()
	if err == nil {
		err = c.run(ctx, args)
	}
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

var (
	errUsage     = errors.New("usage")
	errInterrupt = errors.New("interrupted") // by Ctrl-C, of which the terminal tells the children too
	errTerminate = errors.New("told to end")
)

// untilSignalled is over at the first signal, with one of the errors above as its cause.
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

func newCLI() (*CLI, error) {
	checkout, err := findCheckout()
	if err != nil {
		return nil, err
	}
	root := os.Getenv(layout.EnvVar)
	if root == "" {
		root = filepath.Join(checkout, ".emulator")
	}
	return &CLI{Checkout: checkout, Program: checkout, Layout: layout.Layout{Root: root}, Out: os.Stdout, Err: os.Stderr}, nil
}

// findCheckout goes up from the working directory to the folder with Pulumi.yaml.
func findCheckout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "Pulumi.yaml")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no Pulumi.yaml in %s or above it; run this inside the checkout", dir)
		}
	}
}

func (c *CLI) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "counters":
		return c.counters(ctx, args[1:])
	case "repair":
		return c.repair(ctx, args[1:])
	case "secret":
		return c.secret(ctx, args[1:])
	case "fault":
		return c.fault(ctx, args[1:])
	case "review":
		return c.review(ctx, args[1:])
	}
	o, err := parse(args[1:])
	if err != nil {
		return err
	}
	switch args[0] {
	case "up":
		return c.up(ctx, o)
	case "preview":
		return c.preview(ctx, o)
	case "down":
		return c.down(ctx, o)
	case "env":
		return c.printEnv(o)
	case "start":
		return c.start(ctx, o)
	case "stop":
		return c.stopDaemon()
	case "tools":
		return c.tools(ctx, o)
	case "resources":
		return c.printResources(ctx)
	default:
		return errUsage
	}
}

// options is what may follow a command: a stack, and settings over its file.
type options struct {
	Stack  string
	Config []string // KEY=VALUE, the key with its namespace
}

func parse(args []string) (options, error) {
	o := options{Stack: "dev"}
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-c" && i+1 < len(args):
			i++
			o.Config = append(o.Config, args[i])
		case len(args[i]) > 0 && args[i][0] != '-':
			o.Stack = args[i]
		default:
			return o, errUsage
		}
	}
	return o, nil
}
