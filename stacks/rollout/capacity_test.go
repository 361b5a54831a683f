package rollout

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"sglang-tpu/spec/names"
)

var withPools = Goal{Namespace: "sglang", Set: "set", HashLabel: hash, Pools: map[string]Pool{
	"slice-0": {"spot in us-central1-c", "us-central1-c"}, "slice-0-1": {"on-demand in us-central1-c", "us-central1-c"}, "slice-0-2": {"on-demand in us-central1-a", "us-central1-a"},
}}

// of is an event about the pod of a name, which is its uid, too.
func of(pod, reason, message string, second int) corev1.Event {
	return corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: message}, Reason: reason, Message: message, FirstTimestamp: metav1.Unix(int64(second), 0),
		InvolvedObject: corev1.ObjectReference{Name: pod, UID: types.UID(pod)},
	}
}

// leader is the pod a.
func leader(node string) corev1.Pod {
	return pod("a", on(node), func(p *corev1.Pod) {
		p.UID = "a"
		p.Labels[names.WorkerLabel], p.Labels[names.GroupLabel] = "0", "3"
	})
}

const (
	asked   = "pod triggered scale-up: [{https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/instanceGroups/gke-c-p-grp 0->2 (max: 2)}]"
	stocked = "Node scale up in zones us-central1-c associated with this pod failed: GCE out of resources. Pod is at risk of not being scheduled."
)

func TestEventsAboutOptionsAreReportedOnce(t *testing.T) {
	shortest, quiet = time.Millisecond, 0
	events := []corev1.Event{
		of("a", "TriggeredScaleUp", asked, 2), of("a", "FailedScaleUp", stocked, 1), of("a", "FailedScaleUp", "something\nnew", 3),
		of("a", "Pulled", "an image", 4), of("gone", "FailedScaleUp", "of an earlier pod", 5),
	}
	looks := 0
	var said []string
	err := Await(t.Context(), withPools, func(context.Context) (State, error) {
		looks++
		s := State{Hash: "new", Wanted: 1, Pods: []corev1.Pod{leader("n")}, Nodes: map[string]bool{"n": looks > 3}, PoolOf: map[string]string{"n": "slice-0-2"}, Events: events}
		return s, nil
	}, time.Minute, func(line string) { said = append(said, line) })
	require.NoError(t, err)
	assert.Equal(t, []string{
		"a: on-demand in us-central1-c or spot in us-central1-c: refused, GCE out of resources",
		"a: GKE requests on-demand in us-central1-a",
		"a: something new",
		"0 of 1 pods are ready; a runs on node n, which is not ready",
		"all 1 pods are ready",
		"replica 3: on-demand in us-central1-a, node pool slice-0-2",
	}, said)
}

func TestATimeoutReportsTheRejectedOptions(t *testing.T) {
	shortest = time.Millisecond
	err := Await(t.Context(), withPools, func(context.Context) (State, error) {
		waits := leader("")
		unscheduled(&waits)
		return State{Hash: "new", Wanted: 1, Pods: []corev1.Pod{waits}, Events: []corev1.Event{of("a", "FailedScaleUp", stocked, 1)}}, nil
	}, 50*time.Millisecond, func(string) {})
	assert.ErrorContains(t, err, "  a: on-demand in us-central1-c or spot in us-central1-c: refused, GCE out of resources\n")
}

func TestWithoutOptionsPoolsAreNotReported(t *testing.T) {
	assert.Empty(t, Goal{}.scaleUps(State{Events: []corev1.Event{of("a", "FailedScaleUp", stocked, 1)}, Pods: []corev1.Pod{leader("n")}}))
	assert.Empty(t, Goal{}.placed(State{Pods: []corev1.Pod{leader("n")}, PoolOf: map[string]string{"n": "x"}}))
	assert.Equal(t, []string{"replica 3: a node pool of another configuration, node pool x"},
		withPools.placed(State{Pods: []corev1.Pod{leader("n")}, PoolOf: map[string]string{"n": "x"}}))
}
