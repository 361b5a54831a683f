package rollout

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const hash = "hash"

var goal = Goal{Namespace: "sglang", Set: "set", HashLabel: hash}

// pod is one on node n, of the new template, ready, and then changed.
func pod(name string, changes ...func(*corev1.Pod)) corev1.Pod {
	p := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{hash: "new"}},
		Spec:       corev1.PodSpec{NodeName: "n"},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionTrue},
		}},
	}
	for _, change := range changes {
		change(&p)
	}
	return p
}

func old(p *corev1.Pod)      { p.Labels[hash] = "old" }
func ending(p *corev1.Pod)   { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} }
func notReady(p *corev1.Pod) { p.Status.Conditions[1].Status = corev1.ConditionFalse }
func on(node string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.NodeName = node }
}

func unscheduled(p *corev1.Pod) {
	p.Spec.NodeName, p.Status.Phase = "", corev1.PodPending
	p.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available: 3 Insufficient google.com/tpu.",
	}}
}

func state(s corev1.ContainerState) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		notReady(p)
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "sglang-leader", State: s}}
	}
}

func exited(code int32, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: message}}
}

func TestTheGoalIsOnlyReadyPodsWithTheNewTemplate(t *testing.T) {
	pulling := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling image\n\"x\""}}
	creating := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	for _, tc := range []struct {
		name    string
		pods    []corev1.Pod
		ready   int
		waiting []string
	}{
		{"all there", []corev1.Pod{pod("a"), pod("b")}, 2, nil},
		{"none there yet", nil, 0, []string{"LeaderWorkerSet set has 0 of 2 pods with this pod template"}},
		{"all old and ready, which is what the status counts", []corev1.Pod{pod("a", old), pod("b", old)}, 0, []string{
			"LeaderWorkerSet set has 0 of 2 pods with this pod template", "a still has the previous pod template", "b still has the previous pod template",
		}},
		{"one old one is left", []corev1.Pod{pod("a"), pod("b"), pod("c", old)}, 2, []string{"c still has the previous pod template"}},
		{"one of a group that is no longer wanted", []corev1.Pod{pod("a"), pod("b"), pod("c")}, 3, []string{"LeaderWorkerSet set has 3 pods instead of 2"}},
		{"one is ending", []corev1.Pod{pod("a"), pod("b"), pod("c", ending)}, 2, []string{"c is ending"}},
		{"one is missing", []corev1.Pod{pod("a")}, 1, []string{"LeaderWorkerSet set has 1 of 2 pods with this pod template"}},
		{"the node of one is gone, and its pod is still there", []corev1.Pod{pod("a"), pod("b", on("deleted"))}, 1, []string{"b ran on node deleted, which is gone"}},
		{"one's node is not ready", []corev1.Pod{pod("a"), pod("b", on("sick"))}, 1, []string{"b runs on node sick, which is not ready"}},
		{"one has no node", []corev1.Pod{pod("a"), pod("b", unscheduled)}, 1, []string{"b is not scheduled: 0/3 nodes are available: 3 Insufficient google.com/tpu."}},
		{"one loads", []corev1.Pod{pod("a"), pod("b", notReady)}, 1, []string{"b runs and is not ready"}},
		{"one is being made", []corev1.Pod{pod("a"), pod("b", state(creating), func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending })}, 1, []string{"b starts"}},
		{"one cannot pull", []corev1.Pod{pod("a"), pod("b", state(pulling))}, 1, []string{`b waits in container sglang-leader: ImagePullBackOff: Back-off pulling image "x"`}},
		{"one has ended", []corev1.Pod{pod("a"), pod("b", state(exited(2, "launch_server.py: error:\n  no such thing\n")))}, 1, []string{
			"b container sglang-leader ended with exit code 2: launch_server.py: error: no such thing",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ready, waiting := goal.compare(State{Hash: "new", Wanted: 2, Pods: tc.pods, Nodes: map[string]bool{"n": true, "sick": false}})
			assert.Equal(t, tc.ready, ready)
			assert.Equal(t, tc.waiting, waiting)
		})
	}
	_, waiting := Goal{}.compare(State{})
	assert.Empty(t, waiting, "no pods were asked for")
	_, waiting = Goal{Set: "set"}.compare(State{Pods: []corev1.Pod{pod("a", old)}})
	assert.NotEmpty(t, waiting)
}

// await runs Await over looks, the last of which stays.
func await(t *testing.T, patience time.Duration, looks ...any) ([]string, error) {
	t.Helper()
	shortest, quiet = time.Millisecond, 0
	var said []string
	i := -1
	err := Await(t.Context(), goal, func(context.Context) (State, error) {
		i = min(i+1, len(looks)-1)
		if err, bad := looks[i].(error); bad {
			return State{}, err
		}
		return State{Hash: "new", Wanted: 2, Pods: looks[i].([]corev1.Pod), Nodes: map[string]bool{"n": true}}, nil
	}, patience, func(s string) { said = append(said, s) })
	return said, err
}

func TestAwaitReturnsWhenTheGoalIsReached(t *testing.T) {
	said, err := await(t, time.Minute,
		[]corev1.Pod{pod("a", old), pod("b", old)}, errors.New("connection refused"), []corev1.Pod{pod("a"), pod("b", notReady)}, []corev1.Pod{pod("a"), pod("b")})
	require.NoError(t, err)
	require.Len(t, said, 4)
	assert.Contains(t, said[1], "the cluster cannot be queried: connection refused")
	assert.Equal(t, "1 of 2 pods are ready; b runs and is not ready", said[2])
	assert.Equal(t, "all 2 pods are ready", said[3])
}

func TestATimeoutReportsTheStateOfThePods(t *testing.T) {
	_, err := await(t, 500*time.Millisecond,
		[]corev1.Pod{pod("a", state(exited(1, strings.Repeat("x", 2*mostShown)+" the reason"))), pod("b")}, // and the group starts again
		[]corev1.Pod{pod("b", unscheduled)})
	var ended *NotReady
	require.ErrorAs(t, err, &ended)
	require.Len(t, ended.Lines, 5)
	assert.Equal(t, "LeaderWorkerSet sglang/set: 0 of 2 pods are ready after 500ms (sglang-tpu:readyMinutes)", ended.Lines[0])
	assert.Contains(t, ended.Lines[1], "LeaderWorkerSet set has 1 of 2 pods")
	assert.Contains(t, ended.Lines[2], "b is not scheduled")
	assert.Regexp(t, "^  a, previously: container sglang-leader ended with exit code 1: .* the reason$", ended.Lines[3])
	assert.Less(t, len(ended.Lines[3]), mostShown+100)
	assert.Contains(t, ended.Lines[4], "kubectl describe pod -n sglang NAME")
}

func TestTheReasonSurvivesAQueryThatTheTimeoutInterrupts(t *testing.T) {
	shortest = time.Millisecond
	looks := 0
	err := Await(t.Context(), goal, func(ctx context.Context) (State, error) {
		if looks++; looks > 1 {
			<-ctx.Done()
			return State{}, ctx.Err()
		}
		return State{Hash: "new", Wanted: 1, Pods: []corev1.Pod{pod("b", unscheduled)}}, nil
	}, 500*time.Millisecond, func(string) {})
	assert.ErrorContains(t, err, "b is not scheduled")
	assert.NotContains(t, err.Error(), "cannot be queried")
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Await(ctx, goal, func(context.Context) (State, error) { return State{Wanted: 1}, nil }, time.Minute, func(string) {})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestAwaitGivesUpEarlyIfTheClusterDoesNotAnswer(t *testing.T) {
	defer func(before time.Duration) { silence = before }(silence)
	silence = 30 * time.Millisecond
	_, err := await(t, time.Hour, []corev1.Pod{pod("a")}, errors.New(`nodes is forbidden: User "ci" cannot list resource "nodes"`))
	var ended *NotReady
	require.ErrorAs(t, err, &ended)
	assert.Contains(t, ended.Error(), "roles/container.developer")
	assert.Contains(t, ended.Error(), `could not check for 30ms whether its pods are ready: nodes is forbidden: User "ci" cannot list resource "nodes"`)
}

// pulumi destroy --run-program runs the program, and then the cluster is gone.
func TestAClusterThatIsGoneIsSoonGivenUp(t *testing.T) {
	defer func(before time.Duration) { absence = before }(absence)
	absence = 30 * time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	gone, err := NewCluster(fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":"http://%s"}}],
		"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"users":[{"name":"u","user":{}}]}`, listener.Addr()))
	require.NoError(t, err)
	err = Await(t.Context(), goal, func(ctx context.Context) (State, error) { return gone.Look(ctx, goal) }, time.Hour, func(string) {})
	require.ErrorContains(t, err, "could not check for 30ms whether its pods are ready: ")
	require.ErrorContains(t, err, "connection refused")
	assert.ErrorContains(t, err, "pulumi destroy --run-program")
	assert.True(t, unreachable(&url.Error{Err: &net.DNSError{IsNotFound: true}}), "its name is gone")
}

func TestAControlPlaneThatIsAwayAfterItHasAnsweredIsWaitedFor(t *testing.T) {
	defer func(before time.Duration) { absence = before }(absence)
	absence, shortest = 0, time.Millisecond
	looks := 0
	err := Await(t.Context(), goal, func(context.Context) (State, error) {
		looks++
		switch looks {
		case 1:
			return State{Hash: "new", Wanted: 1}, nil
		case 2, 3:
			return State{}, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		}
		return State{Hash: "new", Wanted: 1, Pods: []corev1.Pod{pod("a")}, Nodes: map[string]bool{"n": true}}, nil
	}, time.Minute, func(string) {})
	require.NoError(t, err)
	assert.Equal(t, 4, looks)
}

func TestAQueryThatHangsIsAbandoned(t *testing.T) {
	defer func(before time.Duration) { longest = before }(longest)
	longest = 20 * time.Millisecond
	_, err := within(t.Context(), func(context.Context) (State, error) { select {} })
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestThePauseBetweenQueriesGrowsWithTheElapsedTime(t *testing.T) {
	defer func(before time.Duration) { shortest = before }(shortest)
	shortest = 250 * time.Millisecond
	for passed, want := range map[time.Duration]time.Duration{
		0: shortest, 3 * time.Second: shortest, 20 * time.Second: time.Second, time.Minute: 3 * time.Second, time.Hour: 5 * time.Second,
	} {
		assert.Equal(t, want, pause(passed), passed)
	}
}
