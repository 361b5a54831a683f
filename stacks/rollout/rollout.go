// Package rollout waits until the pods of the program's newest template are ready and the
// old ones are gone. If they are not ready in time, it reports the reason.
//
// Pulumi's own wait cannot do this. It compares fields of one object with constants, and
// the counts in a LeaderWorkerSet's status are those of the old pods until the controller
// has seen the change. An up would end while no pod is ready.
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

// Goal is a LeaderWorkerSet whose pods must run as it says in the cluster.
type Goal struct {
	Namespace string
	Set       string // name of the LeaderWorkerSet
	Selector  string // label selector of all its pods, old and new ones
	HashLabel string // label that holds the hash of the pod template
	// Pools are the node pools that GKE's autoscaler may give nodes to, by name. Nil: the pods
	// run on nodes that are there.
	Pools map[string]Pool
}

// State is what one look at the cluster showed.
type State struct {
	// Hash is that of the set's pod template, and Wanted the number of its pods: groups times
	// hosts. A set that is not there wants none.
	Hash   string
	Wanted int
	Pods   []corev1.Pod    // those that Goal.Selector selects
	Nodes  map[string]bool // by name: whether it is ready

	// PoolOf is the node pool of each node, and Events are those of all pods of the namespace,
	// if the goal has pools.
	PoolOf map[string]string
	Events []corev1.Event
}

// NotReady is the end of the patience.
type NotReady struct{ Lines []string }

func (n *NotReady) Error() string { return strings.Join(n.Lines, "\n") }

// Await looks again and again until the goal is reached. Its error is a *NotReady with what
// the pods said, or the context's. say is called when something has
// changed, and not too often.
func Await(ctx context.Context, goal Goal, look func(context.Context) (State, error), patience time.Duration, say func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	failures := map[string]string{} // by pod; a group that starts again takes its statuses along
	var state State
	var ready int
	var waiting map[string]string
	last, said := "", time.Time{}
	reached := false              // whether the cluster has answered
	reported := map[string]bool{} // events of the autoscaler
	began := time.Now()
	answered := began
	for {
		now, err := within(ctx, look)
		switch {
		case err == nil:
			answered, state, reached = time.Now(), now, true
			ready, waiting = goal.compare(state)
			note(failures, state.Pods)
			order, sentences := goal.scaleUps(state)
			for _, event := range order {
				if !reported[event] {
					reported[event] = true
					say(sentences[event])
				}
			}
		case ctx.Err() != nil && waiting != nil:
			// The patience has ended during this look. What the one before it saw is the answer.
		default:
			waiting = map[string]string{"the cluster": "cannot be asked: " + err.Error()}
			limit := silence
			if !reached && unreachable(err) {
				limit = min(absence, silence)
			}
			if time.Since(answered) >= limit {
				return goal.unknown(err, limit)
			}
		}
		if len(waiting) == 0 {
			if last != "" { // the last line would read like a fault
				say(fmt.Sprintf("all %d pods are ready", ready))
			}
			for _, line := range goal.placed(state) {
				say(line)
			}
			return nil
		}
		if news := fmt.Sprintf("%d of %d pods are ready; %s", ready, state.Wanted, strings.Join(sentences(waiting), "; ")); news != last && time.Since(said) >= quiet {
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

// pause is between two looks: a twentieth of the time that has passed. So what took seconds is
// noticed after a fraction of one, and a cluster whose servers load weights for half an hour is
// not asked all the time.
func pause(passed time.Duration) time.Duration { return min(max(passed/20, shortest), most) }

const most = 5 * time.Second // of the pauses

var (
	shortest = 250 * time.Millisecond // of the pauses; a test shortens it
	quiet    = 15 * time.Second       // between two lines of progress

	// silence is how long the cluster may refuse or fail to answer. A control plane that is
	// upgraded is away for less, and a missing right does not come by itself.
	silence = 5 * time.Minute
	// absence is how long no connection may be had to a cluster that has not answered at all. Up
	// was connected to it a moment ago, or this is a destroy --run-program, which runs the program
	// as up does (newUpdateSource of pulumi/pulumi, pkg/engine/destroy.go), and has deleted it.
	absence = time.Minute
	longest = time.Minute // of one look, with the login that it may need
)

// within ends a look that its context does not reach, such as a login that waits.
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

// unreachable reports an error of a connection that did not come about.
func unreachable(err error) bool {
	var dial *net.OpError
	var name *net.DNSError
	return errors.As(err, &dial) && dial.Op == "dial" || errors.As(err, &name)
}

// unknown is the end of a cluster's silence, which has lasted for a time.
func (g Goal) unknown(err error, lasted time.Duration) error {
	lines := []string{
		fmt.Sprintf("LeaderWorkerSet %s/%s: whether its pods are ready cannot be asked for %s: %s", g.Namespace, g.Set, lasted, err),
		"Everything was created or changed as asked. Who runs pulumi up must reach the control plane, and may list pods and nodes and get LeaderWorkerSets, as with roles/container.developer.",
	}
	if unreachable(err) {
		lines = append(lines, "If this was pulumi destroy --run-program, the cluster is gone and nothing is wrong. Without --run-program, pulumi destroy does not run the program, and does not wait.")
	}
	return &NotReady{lines}
}

func (g Goal) notReady(ready int, state State, patience time.Duration, waiting, failures map[string]string) error {
	lines := []string{fmt.Sprintf("LeaderWorkerSet %s/%s: %d of %d pods are ready after %s (sglang-tpu:readyMinutes)", g.Namespace, g.Set, ready, state.Wanted, patience)}
	for _, sentence := range sentences(waiting) {
		lines = append(lines, "  "+sentence)
	}
	for _, pod := range slices.Sorted(maps.Keys(failures)) {
		lines = append(lines, fmt.Sprintf("  %s, before: %s", pod, failures[pod]))
	}
	order, said := g.scaleUps(state)
	for _, event := range order {
		lines = append(lines, "  "+said[event])
	}
	return &NotReady{append(lines, fmt.Sprintf("Everything was created or changed as asked; what is missing are ready pods. Look at one: kubectl describe pod -n %s NAME. When the cause is mended, run pulumi up again.", g.Namespace))}
}

// compare returns how many pods are as wanted, and of the others what they wait for; no
// entry is the goal.
func (g Goal) compare(s State) (ready int, waiting map[string]string) {
	waiting = map[string]string{}
	current := 0
	for i := range s.Pods {
		p := &s.Pods[i]
		reason := ""
		switch {
		case p.DeletionTimestamp != nil:
			reason = "is ending"
		case p.Labels[g.HashLabel] != s.Hash:
			reason = "is of the pod template before the change"
		default:
			current++
			reason = why(p, s.Nodes)
		}
		if reason == "" {
			ready++
			continue
		}
		waiting[p.Name] = reason
	}
	if current < s.Wanted {
		waiting["LeaderWorkerSet "+g.Set] = fmt.Sprintf("has %d of %d pods of this pod template", current, s.Wanted)
	}
	if current > s.Wanted {
		waiting["LeaderWorkerSet "+g.Set] = fmt.Sprintf("has %d pods, and %d were asked for", current, s.Wanted)
	}
	return ready, waiting
}

func sentences(waiting map[string]string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(waiting)) {
		all = append(all, name+" "+waiting[name])
	}
	return all
}
