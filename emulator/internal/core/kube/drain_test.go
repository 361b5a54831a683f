package kube

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// evictions lets the API server reject the first evictions because of a PodDisruptionBudget.
func evictions(client *fake.Clientset, refusals int32) *atomic.Int32 {
	asked := &atomic.Int32{}
	client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.GetSubresource() != "eviction" {
			return false, nil, nil
		}
		if asked.Add(1) <= refusals {
			return true, nil, apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
		}
		eviction := action.(clienttesting.CreateAction).GetObject().(*policyv1.Eviction)
		return true, nil, client.Tracker().Delete(corev1.SchemeGroupVersion.WithResource("pods"), eviction.Namespace, eviction.Name)
	})
	return asked
}

func TestADrainEvictsWhatRunsOnItsNodesAndWaitsForBudgets(t *testing.T) {
	limit, again := drainLimit, drainRetry
	t.Cleanup(func() { drainLimit, drainRetry = limit, again })
	drainLimit, drainRetry = time.Minute, time.Millisecond

	controller := true
	pod := func(name, node, owner string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "n", OwnerReferences: []metav1.OwnerReference{{Kind: owner, Name: "o", Controller: &controller}}},
			Spec:       corev1.PodSpec{NodeName: node},
		}
	}
	for name, test := range map[string]struct {
		limit    time.Duration
		refusals int32
		left     []string
	}{
		"none refuses":           {time.Minute, 0, []string{"elsewhere", "of-daemon-set"}},
		"a budget that relents":  {time.Minute, 5, []string{"elsewhere", "of-daemon-set"}},
		"a budget that does not": {10 * time.Millisecond, 1 << 30, []string{"elsewhere", "leader", "of-daemon-set", "worker"}},
	} {
		t.Run(name, func(t *testing.T) {
			drainLimit = test.limit
			client := fake.NewClientset(
				&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "host-0"}}, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "host-1"}},
				pod("leader", "host-0", "StatefulSet"), pod("worker", "host-1", "StatefulSet"),
				pod("of-daemon-set", "host-0", "DaemonSet"), pod("elsewhere", "host-2", "StatefulSet"),
			)
			asked := evictions(client, test.refusals)
			require.NoError(t, drain(context.Background(), client, []string{"host-0", "host-1", "gone"}))
			pods, err := client.CoreV1().Pods("n").List(context.Background(), metav1.ListOptions{})
			require.NoError(t, err)
			var left []string
			for _, p := range pods.Items {
				left = append(left, p.Name)
			}
			assert.ElementsMatch(t, test.left, left)
			assert.Greater(t, asked.Load(), min(test.refusals, 2))
			node, err := client.CoreV1().Nodes().Get(context.Background(), "host-0", metav1.GetOptions{})
			require.NoError(t, err)
			assert.True(t, node.Spec.Unschedulable)
		})
	}
}
