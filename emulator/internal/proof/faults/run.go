package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/proof/world"
)

// Names of snapshots.
const (
	empty = "empty" // nothing has been created
	full  = "full"  // the stack is up
	half  = "half"  // a run has failed
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

// outcome is what became of a batch.
type outcome struct {
	met     []cell // those whose fault a request has met
	missed  []cell
	cancel  bool   // pulumi cancel was needed first
	up      remedy // after which the stack is as it was
	destroy remedy // after which nothing is left
	detail  string // of what never helped
	took    time.Duration
}

// runner tries batches in one world.
type runner struct {
	world     *world.World
	reference inventory
	say       func(format string, args ...any)
}

// try makes one batch fail, and then recovers from it in two ways.
func (r *runner) try(ctx context.Context, batch []cell) (o outcome, err error) {
	began := time.Now()
	defer func() { o.took = time.Since(began) }()
	if err := r.prepare(ctx, batch); err != nil {
		return o, err
	}
	failed, err := r.fail(ctx, batch, &o)
	if err != nil || len(o.met) == 0 {
		return o, err
	}
	if err := r.world.Save(ctx, half); err != nil {
		return o, err
	}
	if err := r.world.Start(ctx); err != nil {
		return o, err
	}
	if o.up, err = r.recover(ctx, &o, r.upIsFull); err != nil {
		return o, err
	}
	upDetail := o.detail
	if err := r.world.Restore(ctx, half); err != nil {
		return o, err
	}
	o.destroy, err = r.recover(ctx, &o, r.destroyIsEmpty)
	if o.up == never || o.destroy == never {
		o.detail = fmt.Sprintf("the failure:\n%s\nup:\n%s\ndestroy:\n%s", tail(failed), upDetail, o.detail)
	}
	return o, err
}

// prepare brings the world to where the batch's operation comes next.
func (r *runner) prepare(ctx context.Context, batch []cell) error {
	switch batch[0].operation {
	case injection.Create:
		return r.world.Restore(ctx, empty)
	case injection.Update:
		if err := r.world.Restore(ctx, full); err != nil {
			return err
		}
		if err := r.world.Stop(); err != nil {
			return err
		}
		if err := age(r.world, batch); err != nil {
			return err
		}
		return r.world.Start(ctx)
	}
	return r.world.Restore(ctx, full)
}

// many is more than there are independent resources: all of a batch are under way at the same time.
const many = "120"

// arguments of the command that meets the faults.
func arguments(operation injection.Operation) []string {
	switch operation {
	case injection.Delete:
		return []string{"destroy", "--yes", "--skip-preview", "--continue-on-error", "--parallel", many}
	case injection.Read:
		return []string{"refresh", "--yes", "--skip-preview", "--parallel", many}
	}
	return []string{"up", "--yes", "--skip-preview", "--continue-on-error", "--parallel", many}
}

// fail runs the command with the batch's faults in force, and ends them.
func (r *runner) fail(ctx context.Context, batch []cell, o *outcome) (output string, err error) {
	var inForce []injection.Fault
	for _, c := range batch {
		inForce = append(inForce, c.fault)
	}
	if err := r.world.Post(ctx, "/injected", inForce, nil); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 6*time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := r.world.Cmd(ctx, &out, arguments(batch[0].operation)...)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // that it fails is the point
		close(ended)
	}()
	if e := batch[0].effect; e == injection.HoldBefore || e == injection.HoldAfter {
		if err := r.untilHeld(ctx, len(batch), ended); err != nil {
			return "", err
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended by itself
		r.world.Kill()
	}
	<-ended
	if batch[0].effect == injection.Hang {
		time.Sleep(2 * time.Second) // the work ends after the provider's patience
	}
	met, err := r.faults(ctx)
	if err != nil {
		return "", err
	}
	for i, f := range met {
		if f.Hits > 0 {
			o.met = append(o.met, batch[i])
		} else {
			o.missed = append(o.missed, batch[i])
		}
	}
	return out.String(), r.world.Post(ctx, "/injected", []injection.Fault{}, nil)
}

func (r *runner) faults(ctx context.Context) (all []injection.Fault, err error) {
	return all, r.world.Get(ctx, "/injected", &all)
}

// still is how long no further request has to be held before all are that come.
const still = 20 * time.Second

// untilHeld waits until as many requests are held as there are faults, or no more come.
func (r *runner) untilHeld(ctx context.Context, want int, ended <-chan struct{}) error {
	held, since := 0, time.Now()
	for {
		all, err := r.faults(ctx)
		if err != nil {
			return err
		}
		now := 0
		for _, f := range all {
			now += min(f.Hits, 1)
		}
		if now > held {
			held, since = now, time.Now()
		}
		if held == want {
			time.Sleep(300 * time.Millisecond) // work that is done before an answer is held
			return nil
		}
		if time.Since(since) > still+time.Duration(boolInt(held == 0))*time.Minute {
			return nil
		}
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

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
	for _, way := range []remedy{plain, refresh, imported, removed} {
		reached, detail, err := goal(ctx, way)
		if err != nil {
			return never, err
		}
		if reached {
			return way, nil
		}
		o.detail += string(way) + ": " + detail + "\n"
	}
	return never, nil
}

// upIsFull brings the stack up, and reports whether it is then what it was at first: nothing is left to change, there is
// nothing that the state does not have, and nothing twice.
func (r *runner) upIsFull(ctx context.Context, way remedy) (bool, string, error) {
	args := []string{"up", "--yes", "--skip-preview"}
	if err := r.beforehand(ctx, way, &args); err != nil {
		return false, err.Error(), nil
	}
	if result := r.world.Pulumi(ctx, args...); !result.OK() {
		return false, tail(result.Output), nil
	}
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

// destroyIsEmpty destroys the stack, and reports whether nothing is left.
func (r *runner) destroyIsEmpty(ctx context.Context, way remedy) (bool, string, error) {
	args := []string{"destroy", "--yes", "--skip-preview"}
	if err := r.beforehand(ctx, way, &args); err != nil {
		return false, err.Error(), nil
	}
	if result := r.world.Pulumi(ctx, args...); !result.OK() {
		return false, tail(result.Output), nil
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

// beforehand is what a remedy has before its last command, or within it.
func (r *runner) beforehand(ctx context.Context, way remedy, args *[]string) error {
	switch way {
	case refresh:
		*args = append(*args, "--refresh")
	case imported:
		return adopt(ctx, r.world, r.reference)
	case removed:
		*args = append(*args, "--refresh")
		return remove(ctx, r.world)
	}
	return nil
}

// tail is the end of an output, where errors are.
func tail(output string) string {
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(output), "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}

var errSteady = errors.New("the stack is not steady when it is first up")
