package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/core/cloud"
)

// Settle puts the stack in order after a Pulumi CLI that was killed: its lock is left, and
// so are operations of which the state does not say whether they happened. On Google Cloud
// a person would look, and clear the operation or import the resource; here the cloud is
// asked.
func (s Stack) Settle(ctx context.Context) error {
	if sweep(s.Layout.Tmp()) {
		time.Sleep(200 * time.Millisecond) // requests that were sent to the cloud arrive
	}
	locks, err := filepath.Glob(filepath.Join(s.backend(), ".pulumi", "locks", "organization", project, s.Name, "*.json"))
	if err != nil {
		return err
	}
	for _, lock := range locks {
		// The command lock of this checkout is ours, so the process that held this one has ended.
		if err := os.Remove(lock); err != nil {
			return err
		}
	}
	d, err := s.state()
	if err != nil {
		return err
	}
	_, err = os.Stat(s.unfinished())
	unfinished := err == nil
	if len(d.PendingOperations) == 0 && (!unfinished || len(d.Resources) == 0) {
		return nil
	}
	fmt.Fprintf(s.Out, "an earlier run did not end well, with %d operation(s) cut off; refreshing the stack's state first\n", len(d.PendingOperations))
	if err := adopt(s.StateFile(), func(typ string, inputs map[string]any) (string, error) {
		if !strings.HasPrefix(typ, "gcp:") {
			return "", nil // an object in the cluster: creating it again changes nothing
		}
		return s.Daemon().find(ctx, typ, inputs)
	}); err != nil {
		return err
	}
	if err := s.pulumi(ctx, "refresh", "--yes", "--skip-preview", "--suppress-outputs", "--clear-pending-creates"); err != nil {
		return fmt.Errorf("pulumi refresh failed: %w", err)
	}
	return nil
}

// unfinished is a file that exists while Pulumi changes a stack, and remains if that fails.
// An update that is interrupted while Pulumi waits for it is applied, but not in the state:
// pulumi up with the old program would call the resource unchanged.
func (s Stack) unfinished() string {
	return filepath.Join(s.Layout.Run(), "unfinished-"+s.Name)
}

// Change runs a Pulumi command that changes the stack.
func (s Stack) Change(ctx context.Context, args ...string) error {
	if err := os.WriteFile(s.unfinished(), nil, 0o600); err != nil {
		return err
	}
	err := s.pulumi(ctx, args...)
	if err != nil && (ctx.Err() != nil || !s.recorded()) {
		return err
	}
	return errors.Join(err, os.Remove(s.unfinished()))
}

// recorded reports whether the state records that an operation on a cloud resource failed. A
// refresh would remove that, and the next pulumi up depends on it.
func (s Stack) recorded() bool {
	d, err := s.state()
	if err != nil || len(d.PendingOperations) > 0 {
		return false
	}
	for _, r := range d.Resources {
		if strings.HasPrefix(string(r.Type), "gcp:") && len(r.InitErrors) > 0 {
			return true
		}
	}
	return false
}

// find asks the cloud whether a resource with these inputs exists, and for its id.
func (d Daemon) find(ctx context.Context, typ string, inputs map[string]any) (string, error) {
	var reply cloud.Reply
	if err := d.post(ctx, "/cloud/find", cloud.Request{Type: typ, Inputs: inputs}, &reply); err != nil || reply.Resource == nil {
		return "", err
	}
	return reply.Resource.ID, nil
}
