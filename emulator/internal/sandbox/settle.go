package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"sglang-tpu/emulator/internal/core/cloud"
)

// Settle repairs the stack's state after a Pulumi CLI was killed. Such a CLI leaves its lock,
// and pending operations that may or may not have succeeded. On Google Cloud, a person would
// check and then clear the operation or import the resource; the emulator asks its cloud.
func (s Stack) Settle(ctx context.Context) error {
	if sweep(s.Layout.Tmp()) {
		time.Sleep(200 * time.Millisecond) // for requests that are on their way to the cloud
	}
	locks, err := filepath.Glob(filepath.Join(s.backend(), ".pulumi", "locks", "organization", project, s.Name, "*.json"))
	if err != nil {
		return err
	}
	for _, lock := range locks {
		// This process holds the lock of the checkout, so the owner of the stack's lock has ended.
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
	fmt.Fprintf(s.Out, "an earlier run was interrupted, with %d pending operation(s); refreshing the stack's state first\n", len(d.PendingOperations))
	if err := adopt(s.StateFile(), func(typ string, inputs map[string]any) (string, error) {
		if !strings.HasPrefix(typ, "gcp:") {
			return "", nil // creating an object in the cluster is idempotent
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
// If Pulumi is interrupted while it waits for an update, the update is applied but not in the
// state, and pulumi up with the old program would not revert it.
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

// recorded reports whether the state records a failed operation on a cloud resource. The next
// pulumi up needs this record, and a refresh would remove it.
func (s Stack) recorded() bool {
	d, err := s.state()
	if err != nil || len(d.PendingOperations) > 0 {
		return false
	}
	return slices.ContainsFunc(d.Resources, func(r apitype.ResourceV3) bool {
		return strings.HasPrefix(string(r.Type), "gcp:") && len(r.InitErrors) > 0
	})
}

// find returns the ID of the resource with these inputs; empty if it does not exist.
func (d Daemon) find(ctx context.Context, typ string, inputs map[string]any) (string, error) {
	var reply cloud.Reply
	if err := d.Post(ctx, "/cloud/find", cloud.Request{Type: typ, Inputs: inputs}, &reply); err != nil || reply.Resource == nil {
		return "", err
	}
	return reply.Resource.ID, nil
}
