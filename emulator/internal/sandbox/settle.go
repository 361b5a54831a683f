package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// settle puts a stack in order after a pulumi that was killed: its lock is left, and
// so are operations of which the state does not know whether they happened. On Google
// Cloud a person would look, and clear the operation or import the resource; here the
// cloud is asked.
func (c *CLI) settle(ctx context.Context, stack string) error {
	c.sweepCommands()
	locks, err := filepath.Glob(filepath.Join(c.backend(), ".pulumi", "locks", "organization", project, stack, "*.json"))
	if err != nil {
		return err
	}
	for _, lock := range locks {
		// The command lock of this checkout is ours, so whoever held this one is gone.
		if err := os.Remove(lock); err != nil {
			return err
		}
	}
	cp, err := c.state(stack)
	if err != nil {
		return err
	}
	marks, err := filepath.Glob(c.unfinished(stack))
	if err != nil {
		return err
	}
	if len(cp.Checkpoint.Latest.Pending) == 0 && (len(marks) == 0 || len(cp.Checkpoint.Latest.Resources) == 0) {
		return nil
	}
	fmt.Fprintf(c.Out, "an earlier run did not end well, with %d operation(s) cut off; refreshing the stack's state first\n", len(cp.Checkpoint.Latest.Pending))
	if err := c.adopt(ctx, stack, func(typ string, inputs map[string]any) (string, error) {
		if !strings.HasPrefix(typ, "gcp:") {
			return "", nil // an object in the cluster: creating it again changes nothing
		}
		return c.find(ctx, typ, inputs)
	}); err != nil {
		return err
	}
	if err := c.pulumi(ctx, stack, "refresh", "--yes", "--skip-preview", "--suppress-outputs", "--clear-pending-creates"); err != nil {
		return fmt.Errorf("pulumi refresh failed: %w", err)
	}
	return nil
}

// unfinished is a file that is there while Pulumi changes a stack, and stays if it does
// not end well. An update that is interrupted while Pulumi waits has been made and is
// in no state: pulumi up would call the resource unchanged, with the old program and
// the new object.
func (c *CLI) unfinished(stack string) string {
	return filepath.Join(c.Layout.Run(), "unfinished-"+stack)
}

// change runs a Pulumi command that changes a stack.
func (c *CLI) change(ctx context.Context, stack string, args ...string) error {
	if err := os.WriteFile(c.unfinished(stack), nil, 0o600); err != nil {
		return err
	}
	err := c.pulumi(ctx, stack, args...)
	if err != nil && (ctx.Err() != nil || !c.recorded(stack)) {
		return err
	}
	return errors.Join(err, os.Remove(c.unfinished(stack)))
}

// recorded reports whether the state says that a cloud resource came to no good end. A
// refresh would take that out, and with it what the next pulumi up goes by.
func (c *CLI) recorded(stack string) bool {
	cp, err := c.state(stack)
	if err != nil || len(cp.Checkpoint.Latest.Pending) > 0 {
		return false
	}
	for _, r := range cp.Checkpoint.Latest.Resources {
		if strings.HasPrefix(r.Type, "gcp:") && len(r.InitErrors) > 0 {
			return true
		}
	}
	return false
}

// find asks the cloud whether a resource with these inputs exists, and for its id.
func (c *CLI) find(ctx context.Context, typ string, inputs map[string]any) (string, error) {
	text, err := json.Marshal(inputs)
	if err != nil {
		return "", err
	}
	var found struct {
		ID string `json:"id"`
	}
	err = c.get(ctx, "/cloud/find?"+url.Values{"type": {typ}, "inputs": {string(text)}}.Encode(), &found)
	return found.ID, err
}
