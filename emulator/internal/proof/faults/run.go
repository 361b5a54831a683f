package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/proof/world"
)

// Names of snapshots.
const (
	empty = "empty" // nothing has been created
	full  = "full"  // the stack is up
	half  = "half"  // a run has failed
)

// met is a cell whose fault was triggered, and the consequences.
type met struct {
	cell
	cancel bool // pulumi cancel was needed before the next command
	remedy remedy
}

// outcome is the result of a scenario.
type outcome struct {
	met    []met
	missed []cell // cells whose faults were not triggered
	runs   int    // runs of Pulumi until all faults were triggered
	// end is the remedy after which the goal of the operation was reached: the stack is as at the beginning, or for a
	// delete, nothing is left. other is the same for the other goal, from the state after one of the runs.
	end, other remedy
	detail     string // errors if no remedy helped
	took       time.Duration
}

func (o outcome) explained() bool { return o.end != never && o.other != never }

// runner tries scenarios in one world.
type runner struct {
	world     *world.World
	reference inventory
	draw      *rand.Rand
	say       func(format string, args ...any)
}

// longest is larger than the length of any chain of resources.
const longest = 40

// try makes each cell of a scenario fail once, and records the result.
func (r *runner) try(ctx context.Context, s scenario) (o outcome, err error) {
	began := time.Now()
	defer func() { o.took = time.Since(began) }()
	if err := r.prepare(ctx, s); err != nil {
		return o, err
	}
	left := slices.Clone(s)
	kept := 0 // the number of runs before the one whose state is saved
	if len(s) > 1 {
		kept = r.draw.IntN(4)
	}
	saved := false
	for o.runs < longest && len(left) > 0 {
		start := time.Now()
		failed, ended, err := r.fail(ctx, s, left)
		if err != nil {
			return o, err
		}
		o.runs++
		r.say("faults: %s: run %d triggered %d of %d faults in %s", s, o.runs, len(failed), len(left), time.Since(start).Round(100*time.Millisecond))
		if len(failed) == 0 && !ended {
			break // it failed or hangs for another reason
		}
		if o.runs == kept+1 {
			if err := r.keep(ctx); err != nil {
				return o, err
			}
			saved = true
		}
		if err := r.remedied(ctx, s, failed, &o); err != nil {
			return o, err
		}
		left = slices.DeleteFunc(left, func(c cell) bool {
			return slices.ContainsFunc(failed, func(f cell) bool { return f.target == c.target })
		})
		if ended {
			break // for the others there was nothing to do
		}
	}
	o.missed = left
	if len(o.met) == 0 {
		return o, nil
	}
	end, other := r.upIsFull, r.destroyIsEmpty
	if s[0].operation == injection.Delete {
		end, other = other, end
	}
	if !saved {
		if err := r.keep(ctx); err != nil {
			return o, err
		}
	}
	if o.end, err = r.recover(ctx, &o, end); err != nil {
		return o, err
	}
	detail := o.detail
	if err := r.world.Restore(ctx, half); err != nil {
		return o, err
	}
	if o.other, err = r.recover(ctx, &o, other); err != nil {
		return o, err
	}
	o.detail = detail + o.detail
	return o, nil
}

// keep saves the state after a failed run.
func (r *runner) keep(ctx context.Context) error {
	if err := r.world.Save(ctx, half); err != nil {
		return err
	}
	return r.world.Start(ctx)
}

// adoptions is the maximum number of attempts to import: a webhook that the run has created does not answer before its pods
// are ready, and until then previews of its objects fail.
const adoptions = 6

// remedied does what is necessary between a failed run and the next.
func (r *runner) remedied(ctx context.Context, s scenario, failed []cell, o *outcome) error {
	cancel := locked(r.world)
	if cancel {
		if result := r.world.Pulumi(ctx, "cancel", "--yes"); !result.OK() {
			return fmt.Errorf("pulumi cancel: %w\n%s", result.Err, result.Output)
		}
	}
	unknown, err := strangers(ctx, r.world)
	if err != nil {
		return err
	}
	way := plain
	if len(unknown) > 0 && s[0].operation == injection.Create {
		way = imported
		err := adopt(ctx, r.world, r.reference)
		for i := 1; err != nil && i < adoptions; i++ {
			time.Sleep(3 * time.Second) // see adoptions
			err = adopt(ctx, r.world, r.reference)
		}
		if err != nil {
			r.say("faults: %s", err)
		}
		if left, err := strangers(ctx, r.world); err != nil || len(left) > 0 {
			way = removed
			if err := errors.Join(err, remove(ctx, r.world)); err != nil {
				return err
			}
		}
	}
	for _, c := range failed {
		m := met{c, cancel, plain}
		if slices.Contains(unknown, c.target.key) {
			m.remedy = way
		}
		o.met = append(o.met, m)
	}
	return nil
}

// prepare brings the world to the state in which the scenario's operation comes next.
func (r *runner) prepare(ctx context.Context, s scenario) error {
	switch s[0].operation {
	case injection.Create:
		return r.world.Restore(ctx, empty)
	case injection.Update:
		if err := r.world.Restore(ctx, full); err != nil {
			return err
		}
		if err := r.world.Stop(); err != nil {
			return err
		}
		if err := age(r.world, s); err != nil {
			return err
		}
		return r.world.Start(ctx)
	}
	return r.world.Restore(ctx, full)
}

// many is larger than the number of independent resources, so that all of them are processed at the
// same time.
const many = "120"

// arguments returns the arguments of the command that triggers the faults.
func arguments(operation injection.Operation) []string {
	switch operation {
	case injection.Delete:
		return []string{"destroy", "--yes", "--skip-preview", "--continue-on-error", "--parallel", many}
	case injection.Read:
		return []string{"refresh", "--yes", "--skip-preview", "--parallel", many}
	}
	return []string{"up", "--yes", "--skip-preview", "--continue-on-error", "--parallel", many}
}

// fail runs the command with the remaining faults, and removes them. It returns the cells whose faults were triggered,
// and whether the command succeeded.
func (r *runner) fail(ctx context.Context, s scenario, left []cell) (failed []cell, well bool, err error) {
	var inForce []injection.Fault
	for _, c := range left {
		inForce = append(inForce, c.fault)
	}
	if err := r.world.Daemon().Post(ctx, "/injected", inForce, nil); err != nil {
		return nil, false, err
	}
	limited, cancel := context.WithTimeout(ctx, 6*time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := r.world.Cmd(limited, &out, arguments(s[0].operation)...)
	if err := cmd.Start(); err != nil {
		return nil, false, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var endErr error
	if e := s[0].effect; e == injection.HoldBefore || e == injection.HoldAfter {
		endErr, err = r.untilHeld(limited, len(left), ended)
		if err != nil {
			return nil, false, err
		}
		if errors.Is(endErr, errHeld) {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended by itself
			r.world.Kill()
			<-ended
		}
	} else {
		endErr = <-ended // it is expected to fail
	}
	if s[0].effect == injection.Hang {
		if err := r.settle(ctx); err != nil {
			return nil, false, err
		}
	}
	inForce, err = r.faults(ctx)
	if err != nil {
		return nil, false, err
	}
	for i, f := range inForce {
		if f.Hits > 0 {
			failed = append(failed, left[i])
		}
	}
	if len(failed) == 0 && endErr != nil {
		r.say("faults: a run of %s failed for an unexpected reason:\n%s", s, tail(out.String()))
	}
	return failed, endErr == nil, r.world.Daemon().Post(ctx, "/injected", []injection.Fault{}, nil)
}

var errHeld = errors.New("requests are held")

// settle waits for work that continues after the provider's timeout.
func (r *runner) settle(ctx context.Context) error {
	time.Sleep(2 * time.Second) // it has begun
	return r.world.Daemon().Post(ctx, "/cloud/find", cloud.Request{Type: "gcp:compute/network:Network"}, nil)
}

func (r *runner) faults(ctx context.Context) (all []injection.Fault, err error) {
	return all, r.world.Daemon().Get(ctx, "/injected", &all)
}

// still returns how long to wait for further requests: as long as the first request took, within these bounds. A later
// request is held in the next run.
func still(first time.Duration) time.Duration {
	return min(max(first, 1500*time.Millisecond), 4*time.Second)
}

// untilHeld waits until as many requests are held as there are faults, or no more come; then it returns errHeld. If the
// command ends first, it returns the command's error.
func (r *runner) untilHeld(ctx context.Context, want int, ended chan error) (end, err error) {
	held, since := 0, time.Now()
	began, first := since, time.Duration(0)
	for {
		all, err := r.faults(ctx)
		if err != nil {
			return nil, err
		}
		now := 0
		for _, f := range all {
			now += min(f.Hits, 1)
		}
		if now > held {
			if held == 0 {
				first = time.Since(began)
			}
			held, since = now, time.Now()
		}
		if held == want || held > 0 && time.Since(since) > still(first) {
			time.Sleep(300 * time.Millisecond) // work that is done before an answer is held
			return errHeld, nil
		}
		select {
		case end := <-ended:
			return end, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// tail returns the end of an output, which contains the errors, without the lines between them and the count of
// resources.
func tail(output string) string {
	if at := strings.LastIndex(output, "\nOutputs:"); at > 0 {
		output = output[:at]
	}
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(output), "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}

var errSteady = errors.New("the stack still changes after the first pulumi up")
