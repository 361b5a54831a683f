package faults

import (
	"context"
	"fmt"
	"time"
)

// remedy is what people run after the failure. The remedies are tried in this order.
type remedy string

const (
	plain    remedy = "pulumi up"
	refresh  remedy = "pulumi up --refresh"
	imported remedy = "pulumi import, pulumi up"
	removed  remedy = "delete what the state does not have, pulumi up --refresh"
	never    remedy = "" // nothing helped
)

// recover tries the remedies one after the other until one succeeds.
func (r *runner) recover(ctx context.Context, o *outcome, goal func(context.Context, remedy) (bool, string, error)) (remedy, error) {
	o.detail = ""
	if locked(r.world) {
		if result := r.world.Pulumi(ctx, "cancel", "--yes"); !result.OK() {
			o.detail = "pulumi cancel: " + result.Output
			return never, nil
		}
	}
	ways := []remedy{plain, refresh, imported, removed}
	// Import missing resources first: a destroy would leave them, and would remove the providers from the state, without
	// which an import is impossible.
	if unknown, err := strangers(ctx, r.world); err != nil {
		return never, err
	} else if len(unknown) > 0 {
		ways = []remedy{imported, plain, refresh, removed}
	}
	for _, way := range ways {
		reached, detail, err := goal(ctx, way)
		if err != nil {
			return never, err
		}
		if reached {
			return way, nil
		}
		o.detail += string(way) + ": " + detail + "\n"
		r.say("faults: not enough: %s: %s", way, detail)
	}
	return never, nil
}

// upIsFull brings the stack up, and reports whether it is as at the beginning: nothing is left to change, every resource
// is in the state, and none exists twice.
func (r *runner) upIsFull(ctx context.Context, way remedy) (bool, string, error) {
	if failed := r.run(ctx, way, "up"); failed != "" {
		return false, failed, nil
	}
	r.settled(ctx)
	for _, look := range [][]string{
		{"refresh", "--yes", "--skip-preview", "--expect-no-changes"}, {"preview", "--expect-no-changes", "--diff"},
	} {
		if result := r.world.Pulumi(ctx, look...); !result.OK() {
			return false, tail(result.Output), nil
		}
	}
	now, err := take(ctx, r.world)
	if err != nil {
		return false, "", err
	}
	difference := r.reference.difference(now)
	return difference == "", difference, nil
}

// run carries a remedy out, with up or destroy as its last command, and returns why it failed; empty if it
// succeeded.
func (r *runner) run(ctx context.Context, way remedy, command string) string {
	var err error
	args := []string{command, "--yes", "--skip-preview"}
	switch way {
	case refresh:
		args = append(args, "--refresh")
	case imported:
		err = adopt(ctx, r.world, r.reference)
	case removed:
		args = append(args, "--refresh")
		err = remove(ctx, r.world)
	}
	if err != nil {
		return err.Error()
	}
	return r.last(ctx, args)
}

// patience is how long the last command of a remedy may take: several times its usual duration. A command that waits in
// vain, such as for pods whose nodes are gone, would take ten minutes or more.
const patience = 150 * time.Second

// last runs the last command of a remedy, and returns why it failed; empty if it succeeded.
func (r *runner) last(ctx context.Context, args []string) string {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result := r.world.Pulumi(limited, args...)
	if limited.Err() != nil && ctx.Err() == nil {
		r.world.Kill()
		if locked(r.world) {
			result.Output += r.world.Pulumi(ctx, "cancel", "--yes").Output
		}
		return fmt.Sprintf("it had not finished after %s\n%s", patience, tail(result.Output))
	}
	if !result.OK() {
		return tail(result.Output)
	}
	return ""
}

// settled waits until the Deployments are available. After a snapshot is restored, all containers start again, and an up
// without changes does not wait for them. A refresh would record an unavailable Deployment as not completely created, which
// the next up would fix.
func (r *runner) settled(ctx context.Context) {
	for _, file := range r.world.Layout.AdminKubeconfigs() {
		// If one never becomes available, a later check fails.
		_ = r.world.Kubectl(ctx, "--kubeconfig", file, "wait", "--for=condition=Available", "deployments", "--all", "--all-namespaces", "--timeout=60s").Run()
	}
}

// destroyIsEmpty destroys the stack, and reports whether nothing is left.
func (r *runner) destroyIsEmpty(ctx context.Context, way remedy) (bool, string, error) {
	if failed := r.run(ctx, way, "destroy"); failed != "" {
		return false, failed, nil
	}
	all, err := r.world.Daemon().Resources(ctx)
	if err != nil {
		return false, "", err
	}
	d, _, err := r.world.Deployment()
	if err != nil {
		return false, "", err
	}
	var left []string
	for _, one := range all {
		left = append(left, one.Type+" "+one.ID)
	}
	if len(left)+len(d.Resources) > 0 {
		return false, fmt.Sprintf("the cloud still has %v; the state has %d resources", left, len(d.Resources)), nil
	}
	return true, "", nil
}
