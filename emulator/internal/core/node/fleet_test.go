package node

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/proc"
)

func boundTo(node, name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "n", UID: "1"}, Spec: corev1.PodSpec{NodeName: node}}
}

// Found by chaos: the leader of the group after a slice was lost was bound to a host of that slice, went on on the host
// that came back under its name, and had a set of workers that no host could ever match.
func TestAPodDoesNotMoveToANewMachineWithTheSameName(t *testing.T) {
	for name, tc := range map[string]struct {
		known []runtime.Object
		left  []string
	}{
		"the machine is gone":           {nil, []string{"elsewhere"}},
		"the emulator has been stopped": {[]runtime.Object{&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "host"}}}, []string{"elsewhere", "leader"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(append(tc.known, boundTo("host", "leader"), boundTo("other", "elsewhere"))...)
			// The client knows no selectors of fields.
			client.PrependReactor("list", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
				fields := a.(clienttesting.ListAction).GetListRestrictions().Fields
				if fields.Empty() {
					return false, nil, nil
				}
				assert.Equal(t, "spec.nodeName=host", fields.String())
				return true, &corev1.PodList{Items: []corev1.Pod{*boundTo("host", "leader")}}, nil
			})
			require.NoError(t, collectOrphans(context.Background(), client, "host"))
			pods, err := client.CoreV1().Pods("n").List(context.Background(), metav1.ListOptions{})
			require.NoError(t, err)
			var left []string
			for _, p := range pods.Items {
				left = append(left, p.Name)
			}
			assert.ElementsMatch(t, tc.left, left)
		})
	}
}

// Found by chaos: a leader that was already ending, and waited for a request, went on for the whole of its grace period
// after its host had gone.
func TestAVanishedMachineEndsTerminatingContainers(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	process, err := proc.Start(exec.Command("/bin/bash", "-c", "trap '' TERM; echo deaf; while :; do /bin/sleep 1; done"), log)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return proc.Tail(log, 1) == "deaf" }, 10*time.Second, 10*time.Millisecond)
	p := &pod{}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	c := &container{pod: p, spec: &corev1.Container{}}
	stopped := make(chan struct{})
	go func() {
		c.stop(&instance{process: process}, time.Hour)
		close(stopped)
	}()
	select {
	case <-stopped:
		t.Fatal("it did not wait for the grace period")
	case <-time.After(300 * time.Millisecond):
	}
	p.cancel()
	select {
	case <-stopped:
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
}

// Whoever makes the pods anew must not have them bound to a host that goes a moment later.
func TestFailedMachinesAreDeletedBeforeTheirPods(t *testing.T) {
	client := fake.NewClientset()
	c := &members{access: kube.Access{Name: "c", Client: client}, machines: map[string]*machine{}, pods: map[types.UID]*pod{}}
	done := make(chan struct{})
	close(done)
	for _, name := range []string{"host-0", "host-1", "other"} {
		m := &machine{members: c, spec: cloud.Node{Name: name}}
		_, m.cancel = context.WithCancel(context.Background())
		c.machines[name] = m
		p := &pod{machine: m, object: boundTo(name, "on-"+name), done: done}
		p.ctx, p.cancel = context.WithCancel(context.Background())
		c.pods[types.UID(name)] = p
		require.NoError(t, client.Tracker().Add(p.object))
		require.NoError(t, client.Tracker().Add(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	}
	require.EqualError(t, c.Fail(context.Background(), []string{"host-0", "none"}), "node none is not running")
	require.NoError(t, c.Fail(context.Background(), []string{"host-0", "host-1"}))
	var kinds []string
	for _, a := range client.Actions() {
		kinds = append(kinds, a.GetVerb()+" "+a.GetResource().Resource)
	}
	assert.Equal(t, []string{"delete nodes", "delete nodes", "delete pods", "delete pods"}, kinds)
	assert.Len(t, c.machines, 1)
	require.Error(t, c.pods["host-0"].ctx.Err(), "it is killed")
	require.NoError(t, c.pods["other"].ctx.Err())
}
