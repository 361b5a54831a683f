package faults

import (
	"context"
	"fmt"
	"time"
)

// remedy is what a person runs after the failure, in the order in which they are tried.
type remedy string

const (
	plain    remedy = "pulumi up"
	refresh  remedy = "pulumi up --refresh"
	imported remedy = "pulumi import, pulumi up"
	removed  remedy = "delete what the state does not have, pulumi up --refresh"
	never    remedy = "" // nothing helped
)

// recover tries the remedies one after the other until one of them leads to the goal.
func (r *runner) recover(ctx context.Context, o *outcome, goal func(context.Context, remedy) (bool, string, error)) (remedy, error) {
	o.detail = ""
	if locked(r.world) {
		o.cancel = true
		if result := r.world.Pulumi(ctx, "cancel", "--yes"); !result.OK() {
			o.detail = "pulumi cancel: " + result.Output
			return never, nil
		}
	}
	ways := []remedy{plain, refresh, imported, removed}
	// What the state does not have is imported before anything else: a destroy would leave it, and take the providers with
	// it out of the state, without which no import works.
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

// upIsFull brings the stack up, and reports whether it is then what it was at first: nothing is left to change, there is
// nothing that the state does not have, and nothing twice.
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

// run carries a remedy out, with up or destroy as its last command, and says why it failed; empty: it did not.
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

// patience is how long the last command of a remedy may take: several times what it takes when nothing is in its way. One
// that waits for what cannot come, as for pods whose nodes are gone, does so for ten minutes and more.
const patience = 150 * time.Second

// last runs the last command of a remedy, and says why it failed; empty: it did not.
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

// settled waits until the Deployments are available. A snapshot begins with all containers dead, as after a restart of their
// nodes, and an up with nothing to change does not wait for them. A refresh records one that is not available as not
// created to the end, which the next up mends.
func (r *runner) settled(ctx context.Context) {
	for _, file := range r.world.Layout.AdminKubeconfigs() {
		// That one never is shows in what follows.
		_ = r.world.Kubectl(ctx, "--kubeconfig", file, "wait", "--for=condition=Available", "deployments", "--all", "--all-namespaces", "--timeout=60s").Run()
	}
}

// destroyIsEmpty destroys the stack, and reports whether nothing is left.
func (r *runner) destroyIsEmpty(ctx context.Context, way remedy) (bool, string, error) {
	if failed := r.run(ctx, way, "destroy"); failed != "" {
		return false, failed, nil
	}
	var left []struct{ Type, ID string }
	if err := r.world.Get(ctx, "/cloud/resources", &left); err != nil {
		return false, "", err
	}
	d, _, err := r.world.Deployment()
	if err != nil {
		return false, "", err
	}
	if len(left)+len(d.Resources) > 0 {
		return false, fmt.Sprintf("the cloud still has %v; the state has %d resources", left, len(d.Resources)), nil
	}
	return true, "", nil
}
