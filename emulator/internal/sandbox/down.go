package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// down destroys a stack and stops the emulator. It fails if the emulated cloud still
// holds anything that no other stack of this checkout knows.
func (c *CLI) down(ctx context.Context, o options) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	used, err := c.used()
	if err != nil {
		return err
	}
	if !used {
		fmt.Fprintln(c.Out, "nothing is up")
		return c.stopDaemon()
	}
	if err := c.start(ctx, o); err != nil {
		return err
	}
	if err := c.settle(ctx, o.Stack); err != nil {
		return err
	}
	if err := c.change(ctx, o.Stack, "destroy", "--yes", "--skip-preview"); err != nil {
		if ctx.Err() != nil {
			return errors.Join(err, c.stopDaemon())
		}
		if protected, stateErr := c.protected(o.Stack); stateErr == nil && protected {
			return fmt.Errorf("stack %[1]s is protected from deletion. To destroy it, set sglang-tpu:protect to false in Pulumi.%[1]s.yaml, run `make up STACK=%[1]s`, and then this again", o.Stack)
		}
		return fmt.Errorf("pulumi destroy failed: %w", err)
	}
	others, err := c.stacks()
	if err != nil {
		return err
	}
	left, err := c.left(ctx, others)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("destroyed, but the emulated cloud still holds:\n  %s", strings.Join(left, "\n  "))
	}
	if len(others) > 0 {
		fmt.Fprintf(c.Out, "nothing of %s is left; the emulator goes on for %s\n", o.Stack, strings.Join(others, ", "))
		return nil
	}
	if err := c.stopDaemon(); err != nil {
		return err
	}
	fmt.Fprintln(c.Out, "nothing is left in the emulated cloud, and the emulator is stopped")
	return nil
}

// protected reports whether Pulumi refuses to delete something of a stack.
func (c *CLI) protected(stack string) (bool, error) {
	cp, err := c.state(stack)
	for _, r := range cp.Checkpoint.Latest.Resources {
		if r.Protect {
			return true, err
		}
	}
	return false, err
}

// used reports whether this checkout ever brought anything up.
func (c *CLI) used() (bool, error) {
	_, err := os.Stat(c.Layout.CloudFile())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// resource is one thing in the emulated cloud.
type resource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

func (c *CLI) resources(ctx context.Context) ([]resource, error) {
	var all []resource
	return all, c.get(ctx, "/cloud/resources", &all)
}

// left lists what exists in the cloud and in no stack.
func (c *CLI) left(ctx context.Context, stacks []string) ([]string, error) {
	known := map[string]bool{}
	for _, stack := range stacks {
		cp, err := c.state(stack)
		if err != nil {
			return nil, err
		}
		for _, r := range cp.Checkpoint.Latest.Resources {
			known[r.ID] = true
		}
	}
	all, err := c.resources(ctx)
	if err != nil {
		return nil, err
	}
	var left []string
	for _, r := range all {
		if !known[r.ID] {
			left = append(left, r.Type+" "+r.ID)
		}
	}
	return left, nil
}

func (c *CLI) printResources(ctx context.Context) error {
	all, err := c.resources(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		fmt.Fprintln(c.Out, r.Type, r.ID)
	}
	return nil
}
