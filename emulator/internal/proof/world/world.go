// Package world runs a separate emulated cloud with one stack of the program, for measurements and fault tests. It does
// not affect other stacks of the checkout.
package world

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/sandbox"
	"sglang-tpu/emulator/internal/tools"
)

// World is one emulated cloud and one stack in it.
type World struct {
	sandbox.Stack
	settings  []string // KEY=VALUE over the stack's configuration file
	snapshots string   // folder
}

// networks are the loopback networks at which clusters of these worlds begin, by their folder: half way between those of
// stacks that people bring up and those that reviews keep. A world that is restored needs the one that it had, so that no
// two commands may begin at the same one.
var networks = map[string]string{"chaos": "10", "faults": "12"}

// otherNetwork is that of measurements.
const otherNetwork = "8"

// Open creates an empty world in a folder of the checkout's emulator, and builds the program. It stops and removes
// what an earlier command left there, except snapshots of the same program, settings and emulator.
func Open(ctx context.Context, s *sandbox.Sandbox, folder, stack string, settings ...string) (*World, error) {
	_ = os.Setenv(layout.NetworkVar, cmp.Or(networks[folder], otherNetwork)) // a valid name cannot fail
	root := filepath.Join(s.Layout.Root, folder, stack)
	box := &sandbox.Sandbox{Checkout: s.Checkout, Program: root + ".program", Layout: layout.Layout{Root: root}, Out: s.Out, Err: s.Err}
	w := &World{Stack: box.Stack(stack), settings: settings, snapshots: root + ".snapshots"}
	if err := s.Tools(ctx, tools.Runtime); err != nil {
		return nil, err
	}
	if err := w.Clear(s.Layout); err != nil {
		return nil, err
	}
	if err := w.compile(ctx, s); err != nil {
		return nil, err
	}
	if err := w.Tools(ctx, tools.Runtime); err != nil { // links those of this folder
		return nil, err
	}
	emulator, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return w, w.dropStale(emulator)
}

// dropStale removes snapshots that another program, other settings or another emulator made.
func (w *World) dropStale(emulator string) error {
	now, err := layout.Hash(fmt.Sprintln(w.settings), "", emulator, filepath.Join(w.Program, binary), filepath.Join(w.Program, w.configName()))
	if err != nil {
		return err
	}
	mark := filepath.Join(w.snapshots, "made-by")
	if was, err := os.ReadFile(mark); err == nil && string(was) == now {
		return nil
	}
	if err := errors.Join(os.RemoveAll(w.snapshots), os.MkdirAll(w.snapshots, 0o700)); err != nil {
		return err
	}
	return os.WriteFile(mark, []byte(now), 0o600)
}

// Has reports whether there is a snapshot with the name.
func (w *World) Has(name string) bool {
	_, err := os.Stat(filepath.Join(w.snapshots, name))
	return err == nil
}

// binary is the program's in its folder.
const binary = "program"

func (w *World) configName() string { return "Pulumi." + w.Name + ".yaml" }

// copyFiles copies files of one folder to another.
func copyFiles(from, to string, names ...string) error {
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// compile makes a project that runs the program's binary.
func (w *World) compile(ctx context.Context, s *sandbox.Sandbox) error {
	if err := os.MkdirAll(w.Program, 0o700); err != nil {
		return err
	}
	if err := copyFiles(s.Program, w.Program, "Pulumi.yaml", "go.mod", w.configName()); err != nil {
		return err
	}
	return w.build(ctx, s.Program)
}

// build builds a program's binary, and changes the project so that Pulumi runs it.
func (w *World) build(ctx context.Context, source string, flags ...string) error {
	binary := filepath.Join(w.Program, binary)
	build := exec.CommandContext(ctx, "go", slices.Concat([]string{"build", "-o", binary}, strings.Fields(tools.ProgramFlags), flags)...)
	build.Dir = source
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build of the program: %w\n%s", err, out)
	}
	return w.RunBinary(w.Program, binary)
}

// Empty returns a stack in the same world of a program that registers nothing.
func (w *World) Empty(ctx context.Context) (*World, error) {
	box := *w.Sandbox
	box.Program += "-empty"
	if err := errors.Join(os.RemoveAll(box.Program), os.MkdirAll(box.Program, 0o700)); err != nil { // there may be one of an earlier run
		return nil, err
	}
	source := "package main\n\nimport \"github.com/pulumi/pulumi/sdk/v3/go/pulumi\"\n\nfunc main() { pulumi.Run(func(*pulumi.Context) error { return nil }) }\n"
	for name, text := range map[string]string{"main.go": source, "Pulumi.yaml": "name: sglang-tpu\nruntime: go\n", "Pulumi.empty.yaml": "config: {}\n"} {
		if err := os.WriteFile(filepath.Join(box.Program, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	if err := copyFiles(w.Checkout, box.Program, "go.mod", "go.sum"); err != nil {
		return nil, err
	}
	empty := &World{Stack: box.Stack("empty")}
	if err := empty.build(ctx, box.Program, "-mod=mod"); err != nil {
		return nil, err
	}
	return empty, empty.Prepare(ctx)
}

// Start starts the emulated cloud and writes the stack's configuration.
func (w *World) Start(ctx context.Context) error {
	if err := w.Daemon().Start(ctx, io.Discard); err != nil {
		return err
	}
	return w.Prepare(ctx, w.settings...)
}

// Stop ends all processes of the world. Its files remain.
func (w *World) Stop() error { return w.Daemon().Stop() }

// Result is the result of a Pulumi command.
type Result struct {
	Err    error
	Output string
	Took   time.Duration
}

// OK reports whether the command succeeded.
func (r Result) OK() bool { return r.Err == nil }

// Pulumi runs a command of the CLI on the stack.
func (w *World) Pulumi(ctx context.Context, args ...string) Result {
	var out bytes.Buffer
	began := time.Now()
	cmd := w.Cmd(ctx, &out, args...)
	err := cmd.Run()
	return Result{err, out.String(), time.Since(began)}
}

// Cmd returns a command of the CLI in a separate process group, which is killed when the context ends, because the state
// of an abandoned world is not needed.
func (w *World) Cmd(ctx context.Context, out io.Writer, args ...string) *exec.Cmd {
	cmd := w.Command(ctx, append(args, "--non-interactive", "--color", "never")...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// Save stops the world and saves a copy of it under a name.
func (w *World) Save(ctx context.Context, name string) error {
	if err := w.Stop(); err != nil {
		return err
	}
	to := filepath.Join(w.snapshots, name)
	// One that is cut short has no name.
	if err := errors.Join(os.RemoveAll(to+".new"), w.copy(ctx, w.Layout.Root, to+".new"), os.RemoveAll(to)); err != nil {
		return err
	}
	return os.Rename(to+".new", to)
}

// Restore stops the world, replaces it by the saved copy and starts it.
func (w *World) Restore(ctx context.Context, name string) error {
	if err := w.Stop(); err != nil {
		return err
	}
	if err := w.copy(ctx, filepath.Join(w.snapshots, name), w.Layout.Root); err != nil {
		return err
	}
	return w.Start(ctx)
}

// copy makes one folder what another is. What every start makes anew is left out: pods' folders and temporary files.
func (w *World) copy(ctx context.Context, from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, folder := range []string{to, from} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, e := range entries {
			path := filepath.Join(folder, e.Name())
			switch name := e.Name(); {
			case slices.Contains([]string{"bin", "cache", "container-bin", "lws"}, name): // links, and what is made from tools
			case folder == to:
				err = os.RemoveAll(path)
			case name != "pods" && name != "tmp":
				if out, failed := exec.CommandContext(ctx, "cp", "-a", "--sparse=always", path, to).CombinedOutput(); failed != nil {
					err = errors.Join(failed, errors.New(string(out)))
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
