package endpoint

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sglang-tpu/cmd/internal/process"
)

// Machine runs commands. Tests replace it.
type Machine interface {
	// Run returns the standard output of a command. If the command fails, the error is a
	// *process.Error.
	Run(ctx context.Context, command ...string) ([]byte, error)
	// Save saves a kubeconfig to a file that only this user can read, and returns its path.
	Save(kubeconfig string) (string, error)
	// Forward starts a kubectl port-forward and returns the local address, as HOST:PORT, and a
	// function that stops it.
	Forward(ctx context.Context, command ...string) (address string, stop func(), err error)
}

// Local runs commands on this machine.
type Local struct {
	Dir string // folder for the kubeconfig, which the caller removes
}

// patience is the timeout of a command.
const patience = time.Minute

func (Local) Run(ctx context.Context, command ...string) ([]byte, error) {
	return process.Run(ctx, patience, command...)
}

func (m Local) Save(kubeconfig string) (string, error) {
	file := filepath.Join(m.Dir, "kubeconfig")
	return file, os.WriteFile(file, []byte(kubeconfig), 0o600)
}

// Forward implements Machine. The port-forward also stops when the context ends.
func (Local) Forward(ctx context.Context, command ...string) (string, func(), error) {
	ctx, cancel := context.WithCancel(ctx)
	kubectl := exec.CommandContext(ctx, command[0], command[1:]...)
	kubectl.WaitDelay = time.Second
	var stderr bytes.Buffer
	kubectl.Stderr = &stderr
	stdout, err := kubectl.StdoutPipe()
	if err == nil {
		err = kubectl.Start()
	}
	if err != nil {
		cancel()
		return "", nil, err
	}
	read := make(chan struct{}) // closed at the end of standard output
	stop := func() {
		cancel()
		<-read
		_ = kubectl.Wait() // killed
	}
	late := time.AfterFunc(patience, cancel)
	out := bufio.NewReader(stdout)
	line, err := out.ReadString('\n')
	inTime := late.Stop()
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, out) // a line for each connection
	}()
	words := strings.Fields(line) // Forwarding from 127.0.0.1:PORT -> 8000
	if err == nil && len(words) > 2 && inTime {
		return words[2], stop, nil
	}
	stop()
	switch {
	case !inTime:
		err = fmt.Errorf("%s has not begun to forward after %s", command[0], patience)
	default:
		err = &process.Error{Command: command, Stderr: stderr.String()}
	}
	return "", nil, err
}
