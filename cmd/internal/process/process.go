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

// Error is a command that ended with another exit code than 0.
type Error struct {
	Command []string
	Stderr  string
}

// Error is the command's own message: the first line that it wrote to standard error.
func (e *Error) Error() string {
	line, _, _ := strings.Cut(strings.TrimSpace(e.Stderr), "\n")
	if line == "" {
		return strings.Join(e.Command, " ") + " failed and wrote no message"
	}
	return line
}

// Run returns what the command wrote to standard output. The error of a command that is
// missing wraps exec.ErrNotFound; that of one that failed is an *Error; that of one that
// has not ended after the patience wraps context.DeadlineExceeded.
func Run(ctx context.Context, patience time.Duration, command ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	run := exec.CommandContext(ctx, command[0], command[1:]...)
	var stderr bytes.Buffer
	run.Stderr = &stderr
	// What the command has started may keep its output open.
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
