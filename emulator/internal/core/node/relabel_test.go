package node

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/kube"
)

func TestARunningNodeGetsItsPoolsNewLabelsAndTaints(t *testing.T) {
	tpu, class := corev1.Taint{Key: "google.com/tpu", Value: "present", Effect: "NoSchedule"}, corev1.Taint{Key: "class", Value: "chips", Effect: "NoSchedule"}
	client := fake.NewClientset(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "host", Labels: map[string]string{"zone": "c", "kubernetes.io/os": "linux"}},
		Spec: corev1.NodeSpec{Taints: []corev1.Taint{
			{Key: "google.com/tpu", Value: "present", Effect: "NoSchedule"}, {Key: "node.kubernetes.io/unreachable", Effect: "NoExecute"},
		}},
	})
	m := &machine{spec: cloud.Node{Name: "host"}, members: &members{access: kube.Access{Client: client}}, labels: map[string]string{"zone": "c"}, taints: []corev1.Taint{tpu}}
	look := func() (map[string]string, int) {
		n, err := client.CoreV1().Nodes().Get(t.Context(), "host", metav1.GetOptions{})
		require.NoError(t, err)
		return n.Labels, len(n.Spec.Taints)
	}
	require.NoError(t, m.relabel(t.Context(), cloud.Node{Name: "host", Labels: map[string]string{"zone": "c", "class": "chips"}, Taints: []corev1.Taint{tpu, class}}))
	labels, taints := look()
	assert.Equal(t, map[string]string{"zone": "c", "class": "chips", "kubernetes.io/os": "linux"}, labels)
	assert.Equal(t, 3, taints)
	require.NoError(t, m.relabel(t.Context(), cloud.Node{Name: "host", Labels: map[string]string{"zone": "c"}, Taints: []corev1.Taint{tpu}}))
	labels, taints = look()
	assert.Equal(t, map[string]string{"zone": "c", "kubernetes.io/os": "linux"}, labels)
	assert.Equal(t, 2, taints, "one is not the pool's")
}
