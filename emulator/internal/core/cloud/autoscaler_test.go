package cloud

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sglang-tpu/spec/capacity"
)

var anything = corev1.Toleration{Operator: corev1.TolerationOpExists}

func waiting(name string, selector map[string]string, tolerates corev1.Toleration) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.PodSpec{NodeSelector: selector, Tolerations: []corev1.Toleration{tolerates}},
	}
}

// grow lets one pod of a selector wait until its pool has nodes, if there is one.
func grow(t *testing.T, c *Cloud, selector map[string]string) {
	t.Helper()
	up, _ := c.Plan("c", []PendingPod{{Pod: waiting("pod", selector, anything)}}, nil, time.Now())
	for _, u := range up {
		require.NoError(t, c.Grow(context.Background(), u, time.Now))
	}
}

// classed is an autoscaled pool of a ComputeClass.
func classed(name string, set ...any) Values {
	return slice(append([]any{
		"name", name, "nodeCount", nil, "autoscaling", object("minNodeCount", 0.0, "maxNodeCount", 2.0),
		"nodeConfig.labels", object(capacity.ClassLabel, "chips"),
		"nodeConfig.taints",
		[]any{object("key", capacity.ClassLabel, "value", "chips", "effect", "NO_SCHEDULE")},
	}, set...)...)
}

// queueOf are groups that wait for nodes of a ComputeClass, each on a pool of its own.
type queueOf struct {
	cloud      *Cloud
	fake       *fakeClusters
	priorities [][]string
	now        time.Time
	groups     map[string]string // the pool that each runs on; empty: it waits
	most       int               // slices that were held at once, those that are on their way with them
}

// look is one look of the autoscaler, and of the scheduler after it. Nodes that are on their
// way come in any order, and the autoscaler may look again before they do.
func (q *queueOf) look(t *testing.T, random *rand.Rand) {
	t.Helper()
	var pending []PendingPod
	used := map[string]bool{}
	for _, name := range sorted(q.groups) {
		if q.groups[name] != "" {
			used[q.groups[name]] = true
			continue
		}
		pending = append(pending, PendingPod{Pod: waiting(name, map[string]string{capacity.ClassLabel: "chips"}, anything), Priorities: q.priorities})
	}
	up, down := q.cloud.Plan("c", pending, used, q.now)
	again, _ := q.cloud.Plan("c", pending, used, q.now)
	require.Empty(t, again, "nothing is asked for twice")
	for _, id := range down {
		require.NoError(t, q.cloud.Shrink(t.Context(), id))
	}
	q.most = max(q.most, len(q.held())+len(up))
	random.Shuffle(len(up), func(i, j int) { up[i], up[j] = up[j], up[i] })
	for _, u := range up {
		if err := q.cloud.Grow(t.Context(), u, func() time.Time { return q.now }); err != nil {
			require.EqualError(t, err, "Node scale up in zones us-central1-c associated with this pod failed: GCE out of resources. Pod is at risk of not being scheduled.")
		}
	}
	q.most = max(q.most, len(q.held()))
	free := q.held()
	random.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	for _, name := range sorted(q.groups) {
		free = slices.DeleteFunc(free, func(pool string) bool { return used[pool] })
		if q.groups[name] == "" && len(free) > 0 {
			q.groups[name] = free[0]
			used[free[0]] = true
		}
	}
}

// held are the pools that have nodes.
func (q *queueOf) held() []string {
	q.fake.mu.Lock()
	defer q.fake.mu.Unlock()
	var pools []string
	for pool, nodes := range q.fake.nodes {
		if len(nodes) > 0 {
			pools = append(pools, strings.TrimPrefix(pool, "c/"))
		}
	}
	slices.Sort(pools)
	return pools
}

func sorted(groups map[string]string) []string {
	var names []string
	for name := range groups {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// All subsets of three options and three replicas in which there are no chips: each group gets
// a slice of the first option that has one, none is held twice, and what works stays when
// better ones have chips again.
func TestThereAreNeverMoreSlicesThanReplicas(t *testing.T) {
	const options, replicas = 3, 3
	c, fake := open(t, stateFile(t))
	c.minute = 1 // a nanosecond: no time passes but the test's
	withCluster(t, c)
	q := &queueOf{cloud: c, fake: fake}
	for option := range options {
		var pools []string
		for replica := range replicas {
			name := fmt.Sprintf("slice-%d-%d", replica, option)
			create(t, c, nodePoolKind, classed(name))
			pools = append(pools, name)
		}
		q.priorities = append(q.priorities, pools)
	}
	for refused := range 1 << (options * replicas) {
		random := rand.New(rand.NewSource(int64(refused)))
		q.now, q.most = q.now.Add(time.Hour), 0
		q.groups = map[string]string{"group-0": "", "group-1": "", "group-2": ""}
		var faults []Fault
		var available []string // in the order of the options
		for option, pools := range q.priorities {
			for replica, name := range pools {
				if refused&(1<<(option*replicas+replica)) != 0 {
					faults = append(faults, Fault{On: "scale-up", Match: name + " ", Text: "ZONE_RESOURCE_POOL_EXHAUSTED", Times: 1 << 30})
				} else {
					available = append(available, name)
				}
			}
		}
		c.SetFaults(faults)
		for range options*replicas + 1 {
			q.look(t, random)
		}
		want := slices.Clone(available[:min(replicas, len(available))])
		slices.Sort(want)
		require.Equal(t, want, q.held(), "refused: %b", refused)

		// Every option has chips again: only who waited gets one.
		running := map[string]string{}
		for name, pool := range q.groups {
			if pool != "" {
				running[name] = pool
			}
		}
		c.SetFaults(nil)
		q.now = q.now.Add(time.Hour)
		q.look(t, random)
		for name, pool := range running {
			require.Equal(t, pool, q.groups[name], "a slice that works stays")
		}
		require.Len(t, q.held(), replicas)
		require.LessOrEqual(t, q.most, replicas, "refused: %b", refused)

		// The groups are gone: all is given back, and the next round begins with nothing.
		q.groups = map[string]string{}
		q.look(t, random)
		q.now = q.now.Add(IdleAfter)
		q.look(t, random)
		require.Empty(t, q.held())
	}
}

func TestASliceRemainsWhileAGroupRestarts(t *testing.T) {
	c, fake := open(t, stateFile(t))
	withCluster(t, c)
	create(t, c, nodePoolKind, classed("slice"))
	q := &queueOf{cloud: c, fake: fake, priorities: [][]string{{"slice"}}, groups: map[string]string{"group": ""}}
	random := rand.New(rand.NewSource(1))
	q.look(t, random)
	require.Equal(t, map[string]string{"group": "slice"}, q.groups)
	for range 5 { // it ends, and starts again shortly before its slice is given back
		q.groups = map[string]string{}
		q.look(t, random)
		q.now = q.now.Add(IdleAfter - time.Second)
		q.look(t, random)
		require.Equal(t, []string{"slice"}, q.held())
		q.groups = map[string]string{"group": ""}
		q.look(t, random)
	}
	assert.Equal(t, map[string]string{"group": "slice"}, q.groups)
}

func TestAPoolOfAComputeClassNeedsItsLabelAndItsTaint(t *testing.T) {
	for name, pool := range map[string]Values{
		"no label":      classed("slice", "nodeConfig.labels", object("team", "ml")),
		"no taint":      classed("slice", "nodeConfig.taints", []any{}),
		"another class": classed("slice", "nodeConfig.labels", object(capacity.ClassLabel, "other")),
		"another name":  classed("other"),
		"fixed nodes":   classed("slice", "nodeCount", 2.0, "autoscaling", nil),
	} {
		c, _ := open(t, stateFile(t))
		withCluster(t, c)
		create(t, c, nodePoolKind, pool)
		up, _ := c.Plan("c", []PendingPod{{Pod: waiting("", map[string]string{capacity.ClassLabel: "chips"}, anything), Priorities: [][]string{{"slice"}}}}, nil, time.Now())
		assert.Empty(t, up, name)
	}
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	create(t, c, nodePoolKind, classed("slice"))
	up, _ := c.Plan("c", []PendingPod{{Pod: waiting("", nil, corev1.Toleration{Key: "google.com/tpu", Operator: corev1.TolerationOpExists})}}, nil, time.Now())
	assert.Empty(t, up, "a pod without the toleration")
}

func TestTurningAutoscalingOnKeepsAPoolsNodes(t *testing.T) {
	c, fake := open(t, stateFile(t))
	withCluster(t, c)
	pool := create(t, c, nodePoolKind, slice())
	before := fake.nodes["c/slice"]
	_, err := c.Update(t.Context(), nodePoolKind, pool.ID, classed("slice"), ofProgram...)
	require.NoError(t, err)
	after := fake.nodes["c/slice"]
	require.Len(t, after, 2)
	assert.Equal(t, before[0].Name, after[0].Name)
	_, err = c.Update(t.Context(), nodePoolKind, pool.ID, slice(), ofProgram...)
	require.NoError(t, err)
	assert.Equal(t, before[0].Name, fake.nodes["c/slice"][0].Name, "and back")
}

func TestAFaultOfAScaleUpNamesPoolZoneOrMode(t *testing.T) {
	for match, hits := range map[string]bool{"slice ": true, "us-central1-c": true, " spot": true, " on-demand": false, "us-central1-a": false} {
		c, _ := open(t, stateFile(t))
		withCluster(t, c)
		create(t, c, nodePoolKind, classed("slice"))
		c.SetFaults([]Fault{{On: "scale-up", Match: match, Text: "Quota 'X' exceeded", Times: 1}})
		up, _ := c.Plan("c", []PendingPod{{Pod: waiting("", nil, anything)}}, nil, time.Now())
		require.Len(t, up, 1)
		err := c.Grow(t.Context(), up[0], time.Now)
		if !hits {
			assert.NoError(t, err, match)
			continue
		}
		assert.ErrorContains(t, err, "failed: GCE quota exceeded.", match)
	}
}
