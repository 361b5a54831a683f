package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sglang-tpu/emulator/internal/guests"
	"sglang-tpu/emulator/internal/proc"
)

// start starts one run and retries while the container's configuration has an error. It
// returns false if the pod ends, and nil and true if the command cannot be executed.
func (c *container) start(image *guests.Image) (*instance, bool) {
	for {
		run, err := c.prepare(image)
		if err != nil {
			c.set(waiting("CreateContainerConfigError", err.Error()))
			c.pod.event(corev1.EventTypeWarning, "Failed", "Error: "+err.Error())
			if !c.pod.sleep(2 * time.Second) {
				return nil, false
			}
			continue
		}
		if c.pod.beingDeleted() || c.pod.ctx.Err() != nil {
			return nil, false
		}
		if err := c.begin(run); err != nil {
			run.log.close()
			now := metav1.Now()
			c.set(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: 128, Reason: "StartError", Message: err.Error(), StartedAt: now, FinishedAt: now,
			}})
			return nil, true
		}
		return run, true
	}
}

func (c *container) prepare(image *guests.Image) (*instance, error) {
	root, err := c.makeRoot()
	if err != nil {
		return nil, err
	}
	env, err := c.environment(root)
	if err != nil {
		return nil, err
	}
	log, err := openLog(filepath.Join(c.dir(), fmt.Sprintf("%d.log", c.restarts)))
	if err != nil {
		return nil, err
	}
	return &instance{image: image, env: env, root: root, log: log, kill: make(chan string, 1)}, nil
}

// begin starts the process, if the image is emulated.
func (c *container) begin(run *instance) error {
	if run.image != nil {
		cmd, err := c.command(run)
		if err != nil {
			return err
		}
		reader, writer, err := os.Pipe()
		if err != nil {
			return err
		}
		cmd.Stdout, cmd.Stderr = writer, writer
		process, err := proc.Start(cmd, "")
		_ = writer.Close() // the child has a copy
		if err != nil {
			_ = reader.Close()
			return err
		}
		go run.log.copy(reader)
		run.process = process
	}
	c.mu.Lock()
	c.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
	c.run = run
	c.mu.Unlock()
	c.pod.event(corev1.EventTypeNormal, "Started", "Started container "+c.spec.Name)
	c.pod.touch()
	return nil
}

// command returns the container's main command.
func (c *container) command(run *instance) (*exec.Cmd, error) {
	if run.image.Manager {
		return c.managerCommand(run)
	}
	var args []string
	for _, arg := range slices.Concat(c.spec.Command, c.spec.Args) {
		args = append(args, expand(arg, run.env))
	}
	if len(c.spec.Command) == 0 {
		return nil, fmt.Errorf("the image has no ENTRYPOINT; the container's command is empty")
	}
	file, err := c.find(args[0])
	if err != nil {
		return nil, err
	}
	return &exec.Cmd{Path: file, Args: args, Env: run.environ(), Dir: filepath.Join(run.root, c.spec.WorkingDir)}, nil
}

// find looks up a program on the container's PATH.
func (c *container) find(name string) (string, error) {
	if filepath.IsAbs(name) {
		if _, err := os.Stat(name); err == nil {
			return name, nil
		}
	}
	for _, dir := range filepath.SplitList(c.pod.machine.path()) {
		file := filepath.Join(dir, filepath.Base(name))
		if info, err := os.Stat(file); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("exec: %q: executable file not found in $PATH", name)
}

// path returns the PATH of containers.
func (m *machine) path() string {
	return strings.Join([]string{m.members.fleet.Layout.ContainerBin(), "/usr/bin", "/bin"}, string(os.PathListSeparator))
}

// additional returns a further command for a running container.
func (c *container) additional(ctx context.Context, run *instance, args []string) (*exec.Cmd, error) {
	file, err := c.find(args[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, file, args[1:]...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = run.environ(), run.root, time.Second
	return cmd, nil
}

// execute runs a command of a probe or hook and returns its output.
func (c *container) execute(run *instance, args []string, limit time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(c.pod.ctx, limit)
	defer cancel()
	args, err := ownProcesses(run.root, args)
	if err != nil {
		return nil, err
	}
	cmd, err := c.additional(ctx, run, args)
	if err != nil {
		return nil, err
	}
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.New("command timed out")
	}
	return out, err
}

// allProcesses is the pattern by which a shell command lists all processes.
const allProcesses = "/proc/[0-9]*/"

// ownProcesses limits a command that lists all processes to those of its container, because a
// real container has a PID namespace. Here it has none, so the command gets a folder with links
// to the container's processes.
func ownProcesses(root string, args []string) ([]string, error) {
	if !slices.ContainsFunc(args, func(arg string) bool { return strings.Contains(arg, allProcesses) }) {
		return args, nil
	}
	folder := filepath.Join(root, "proc")
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o700)); err != nil {
		return nil, err
	}
	for _, pid := range proc.WithEnvironment("EMULATOR_ROOT=" + root + "\x00") {
		process := strconv.Itoa(pid)
		if err := os.Symlink(filepath.Join("/proc", process), filepath.Join(folder, process)); err != nil {
			return nil, err
		}
	}
	limited := make([]string, len(args))
	for i, arg := range args {
		limited[i] = strings.ReplaceAll(arg, allProcesses, strings.TrimPrefix(allProcesses, "/")) // from the root, where it runs
	}
	return limited, nil
}
