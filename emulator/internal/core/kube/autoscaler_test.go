package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"sglang-tpu/emulator/internal/core/cloud"
)

// planned records what the autoscaler was asked, and refuses every slice.
type planned struct {
	pending []cloud.PendingPod
	used    map[string]bool
	shrunk  []string
}

func (p *planned) Plan(_ string, pending []cloud.PendingPod, used map[string]bool, _ time.Time) ([]cloud.ScaleUp, []string) {
	p.pending, p.used = pending, used
	return []cloud.ScaleUp{{Pod: pending[0].Pod, Project: "p", Cluster: "c", Pool: "slice-0", Zone: "us-central1-c", Size: 2}}, []string{"idle"}
}

func (p *planned) Grow(context.Context, cloud.ScaleUp, func() time.Time) error {
	return errors.New("Node scale up failed.")
}

func (p *planned) Shrink(_ context.Context, pool string) error {
	p.shrunk = append(p.shrunk, pool)
	return nil
}

func tpuPod(name, node string, selector map[string]string) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "sglang", Name: name},
		Spec: corev1.PodSpec{
			NodeName: node, NodeSelector: selector,
			Containers:  []corev1.Container{{Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"google.com/tpu": resource.MustParse("4")}}}},
			Tolerations: []corev1.Toleration{{Key: "google.com/tpu", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}},
		},
	}
	if node == "" {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
	}
	return pod
}

func TestTheAutoscalerHandlesAllPendingPodsAndReportsEvents(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/cloud.google.com/v1/computeclasses/chips", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"spec":{"priorities":[{"nodepools":["slice-0"]},{"nodepools":["slice-0-1","slice-1-1"]}]}}`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	pause := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "sglang", Name: "no-chips"}}
	pause.Status.Conditions = tpuPod("", "", nil).Status.Conditions
	factory := informers.NewSharedInformerFactory(fake.NewClientset(
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "host", Labels: map[string]string{"cloud.google.com/gke-nodepool": "slice-9"}}},
		tpuPod("runs", "host", nil), tpuPod("waits-2", "", map[string]string{"a": "b"}), pause,
		tpuPod("waits-1", "", map[string]string{"cloud.google.com/compute-class": "chips"}),
	), 0)
	factory.Core().V1().Pods().Informer()
	factory.Core().V1().Nodes().Informer()
	factory.Start(t.Context().Done())
	factory.WaitForCacheSync(t.Context().Done())

	pools := &planned{}
	events := record.NewBroadcaster(record.WithContext(t.Context()))
	reported := make(chan *corev1.Event, 10)
	events.StartEventWatcher(func(e *corev1.Event) { reported <- e })
	s := newScaler(Access{Name: "c", Client: client, Informers: factory, Events: events}, pools)
	require.NoError(t, s.look(t.Context()))
	require.Len(t, pools.pending, 2)
	assert.Equal(t, "waits-1", pools.pending[0].Name)
	assert.Equal(t, [][]string{{"slice-0"}, {"slice-0-1", "slice-1-1"}}, pools.pending[0].Priorities)
	assert.Nil(t, pools.pending[1].Priorities, "a pod without a class may use any pool")
	assert.Equal(t, map[string]bool{"slice-9": true}, pools.used)
	assert.Equal(t, []string{"idle"}, pools.shrunk)

	for _, want := range []struct{ reason, message string }{
		{"TriggeredScaleUp", "zones/us-central1-c/instanceGroups/gke-c-slice-0-grp 0->2 (max: 2)}]"},
		{"FailedScaleUp", "Node scale up failed."},
	} {
		select {
		case e := <-reported:
			assert.Equal(t, want.reason, e.Reason)
			assert.Equal(t, "cluster-autoscaler", e.Source.Component)
			assert.Contains(t, e.Message, want.message)
			assert.Equal(t, "waits-1", e.InvolvedObject.Name)
		case <-time.After(30 * time.Second):
			t.Fatal("no event")
		}
	}
}

func TestAWorkerOfAGroupThatHasEndedGetsNoNodes(t *testing.T) {
	host := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "host", Labels: map[string]string{"cloud.google.com/gke-nodepool": "slice-0"}}}
	ending := tpuPod("leader", "host", nil)
	ending.DeletionTimestamp, ending.Finalizers = &metav1.Time{Time: time.Now()}, []string{"foregroundDeletion"}
	for name, c := range map[string]struct {
		leader *corev1.Pod
		waits  bool
	}{
		"its leader runs in the pool that it needs": {tpuPod("leader", "host", nil), true},
		"its leader is gone":                        {nil, false},
		"its leader is ending":                      {ending, false},
		"a new leader waits for nodes":              {tpuPod("leader", "", nil), false},
		"a new leader runs in another pool":         {tpuPod("leader", "elsewhere", nil), false},
	} {
		t.Run(name, func(t *testing.T) {
			worker := tpuPod("worker", "", map[string]string{"cloud.google.com/gke-nodepool": "slice-0"})
			worker.Annotations = map[string]string{leaderAnnotation: "leader"}
			objects := []runtime.Object{host, worker}
			if c.leader != nil {
				objects = append(objects, c.leader)
			}
			factory := informers.NewSharedInformerFactory(fake.NewClientset(objects...), 0)
			factory.Core().V1().Pods().Informer()
			factory.Core().V1().Nodes().Informer()
			factory.Start(t.Context().Done())
			factory.WaitForCacheSync(t.Context().Done())
			s := &scaler{access: Access{Informers: factory}}
			assert.Equal(t, !c.waits, s.leaderless(worker))
		})
	}
}
