// Package process runs other programs for commands.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Error is the error of a command whose exit code is not 0.
type Error struct {
	Command []string
	Stderr  string
}

// Error returns the command's message: the first line of its standard error.
func (e *Error) Error() string {
	line, _, _ := strings.Cut(strings.TrimSpace(e.Stderr), "\n")
	if line == "" {
		return strings.Join(e.Command, " ") + " failed and wrote no message"
	}
	return line
}

// Run returns the standard output of a command. The error wraps exec.ErrNotFound if the command
// is missing, and context.DeadlineExceeded if it takes longer than the patience. If the command
// fails, the error is an *Error.
func Run(ctx context.Context, patience time.Duration, command ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	run := exec.CommandContext(ctx, command[0], command[1:]...)
	var stderr bytes.Buffer
	run.Stderr = &stderr
	// Child processes of the command may keep its output open.
	run.WaitDelay = time.Second
	out, err := run.Output()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("%s has not ended after %s: %w", command[0], patience, ctx.Err())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, &Error{Command: command, Stderr: stderr.String()}
	}
	return out, err
}
