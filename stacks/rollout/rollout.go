// Package rollout waits until the pods of the program's newest template are ready and the
// old ones are gone. If they are not ready in time, it reports the reason.
//
// Pulumi's own wait cannot do this. It compares fields of one object with constants, and
// the counts in a LeaderWorkerSet's status are those of the old pods until the controller
// has seen the change. pulumi up would end before any pod is ready.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Goal is a LeaderWorkerSet whose pods have to be ready.
type Goal struct {
	Namespace string
	Set       string // name of the LeaderWorkerSet
	HashLabel string // label that holds the hash of the pod template
	// Pools are the node pools that GKE's autoscaler may scale up, by name. Nil means that the
	// pods run on existing nodes.
	Pools map[string]Pool
}

// State is the state of the cluster at one time.
type State struct {
	// Hash is the hash of the set's pod template, and Wanted the number of its pods: groups
	// times hosts; 0 if the set does not exist.
	Hash   string
	Wanted int
	Pods   []corev1.Pod    // the pods of the LeaderWorkerSet, old and new ones
	Nodes  map[string]bool // whether each node is ready, by name

	// PoolOf is the node pool of each node, and Events are those of all pods of the namespace,
	// if the goal has pools.
	PoolOf map[string]string
	Events []corev1.Event
}

// NotReady is the error if the pods are not ready in time.
type NotReady struct{ Lines []string }

func (n *NotReady) Error() string { return strings.Join(n.Lines, "\n") }

// Await polls the cluster until the goal is reached. Its error is a *NotReady with the
// reasons, or the context's error. It calls say when something has changed, but not too
// often.
func Await(ctx context.Context, goal Goal, look func(context.Context) (State, error), patience time.Duration, say func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	failures := map[string]string{} // by pod, because the statuses of a group are gone when it restarts
	var state State
	var ready int
	var waiting []string
	last, said := "", time.Time{}
	reported := map[string]bool{} // events of the autoscaler
	began := time.Now()
	answered := began // the last time, or began if the cluster has not answered at all
	for {
		now, err := within(ctx, look)
		switch {
		case err == nil:
			answered, state = time.Now(), now
			ready, waiting = goal.compare(state)
			note(failures, state.Pods)
			for _, e := range goal.scaleUps(state) {
				if !reported[e.event] {
					reported[e.event] = true
					say(e.sentence)
				}
			}
		case ctx.Err() != nil && waiting != nil:
			// The time ran out during this query. Report the result of the previous one.
		default:
			waiting = []string{"the cluster cannot be queried: " + err.Error()}
			limit := silence
			if answered.Equal(began) && unreachable(err) {
				limit = min(absence, silence)
			}
			if time.Since(answered) >= limit {
				return goal.unknown(err, limit)
			}
		}
		if len(waiting) == 0 {
			if last != "" { // otherwise the last line would look like an error
				say(fmt.Sprintf("all %d pods are ready", ready))
			}
			for _, line := range goal.placed(state) {
				say(line)
			}
			return nil
		}
		if news := fmt.Sprintf("%d of %d pods are ready; %s", ready, state.Wanted, strings.Join(waiting, "; ")); news != last && time.Since(said) >= quiet {
			say(news)
			last, said = news, time.Now()
		}
		select {
		case <-ctx.Done():
			if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				return ctx.Err()
			}
			return goal.notReady(ready, state, patience, waiting, failures)
		case <-time.After(pause(time.Since(began))):
		}
	}
}

// pause returns the time between two queries: a twentieth of the elapsed time. A change that
// took seconds is noticed after a fraction of a second, and a cluster whose servers load
// weights for half an hour is not queried all the time.
func pause(passed time.Duration) time.Duration { return min(max(passed/20, shortest), most) }

const most = 5 * time.Second // of the pauses

var (
	shortest = 250 * time.Millisecond // of the pauses; a test shortens it
	quiet    = 15 * time.Second       // between two lines of progress

	// silence is how long the cluster may fail to answer. The upgrade of a control plane
	// takes less time, and a missing permission does not appear by itself.
	silence = 5 * time.Minute
	// absence is how long a cluster that has not answered at all may be unreachable. Up
	// was connected to it a moment ago, or this is a destroy --run-program, which runs the program
	// as up does (newUpdateSource of pulumi/pulumi, pkg/engine/destroy.go), and has deleted it.
	absence = time.Minute
	longest = time.Minute // timeout of one query, including a login
)

// within limits the time of a query that ignores its context, such as one that waits for a
// login.
func within(ctx context.Context, look func(context.Context) (State, error)) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	type answer struct {
		state State
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		state, err := look(ctx)
		done <- answer{state, err}
	}()
	select {
	case a := <-done:
		return a.state, a.err
	case <-ctx.Done():
		return State{}, ctx.Err()
	}
}

// unreachable reports whether no connection could be established.
func unreachable(err error) bool {
	var dial *net.OpError
	var name *net.DNSError
	return errors.As(err, &dial) && dial.Op == "dial" || errors.As(err, &name)
}

// unknown returns the error if the cluster has not answered for that time.
func (g Goal) unknown(err error, lasted time.Duration) error {
	lines := []string{
		fmt.Sprintf("LeaderWorkerSet %s/%s: could not check for %s whether its pods are ready: %s", g.Namespace, g.Set, lasted, err),
		"All resources were created or updated. Whoever runs pulumi up must be able to reach the control plane, list pods and nodes, and get LeaderWorkerSets, as roles/container.developer allows.",
	}
	if unreachable(err) {
		lines = append(lines, "If this was pulumi destroy --run-program, the cluster is gone and nothing is wrong. Without --run-program, pulumi destroy does not run the program, and does not wait.")
	}
	return &NotReady{lines}
}

func (g Goal) notReady(ready int, state State, patience time.Duration, waiting []string, failures map[string]string) error {
	lines := []string{fmt.Sprintf("LeaderWorkerSet %s/%s: %d of %d pods are ready after %s (sglang-tpu:readyMinutes)", g.Namespace, g.Set, ready, state.Wanted, patience)}
	for _, sentence := range waiting {
		lines = append(lines, "  "+sentence)
	}
	for _, pod := range slices.Sorted(maps.Keys(failures)) {
		lines = append(lines, fmt.Sprintf("  %s, previously: %s", pod, failures[pod]))
	}
	for _, e := range g.scaleUps(state) {
		lines = append(lines, "  "+e.sentence)
	}
	return &NotReady{append(lines, fmt.Sprintf("All resources were created or updated; only the pods are not ready. To examine one: kubectl describe pod -n %s NAME. When the cause is fixed, run pulumi up again.", g.Namespace))}
}

// compare returns how many pods are ready as the goal requires, and sentences about what the
// others wait for. Without any, the goal is reached.
func (g Goal) compare(s State) (ready int, waiting []string) {
	current := 0
	for i := range s.Pods {
		p := &s.Pods[i]
		reason := ""
		switch {
		case p.DeletionTimestamp != nil:
			reason = "is ending"
		case p.Labels[g.HashLabel] != s.Hash:
			reason = "still has the previous pod template"
		default:
			current++
			reason = why(p, s.Nodes)
		}
		if reason == "" {
			ready++
			continue
		}
		waiting = append(waiting, p.Name+" "+reason)
	}
	if current < s.Wanted {
		waiting = append(waiting, fmt.Sprintf("LeaderWorkerSet %s has %d of %d pods with this pod template", g.Set, current, s.Wanted))
	}
	if current > s.Wanted {
		waiting = append(waiting, fmt.Sprintf("LeaderWorkerSet %s has %d pods instead of %d", g.Set, current, s.Wanted))
	}
	slices.Sort(waiting)
	return ready, waiting
}
