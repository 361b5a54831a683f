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

func TestARestartedNodeKeepsItsObjectAndGetsANewAddress(t *testing.T) {
	client := fake.NewClientset()
	spec := cloud.Node{Name: "host", CPU: "4", Memory: "16Gi", Version: "1.35.2"}
	start := func(address string, port int) *corev1.Node {
		m := &machine{spec: spec, members: &members{access: kube.Access{Client: client}}, object: nodeObject(spec, address, port)}
		_, err := m.register(t.Context())
		require.NoError(t, err)
		node, err := client.CoreV1().Nodes().Get(t.Context(), "host", metav1.GetOptions{})
		require.NoError(t, err)
		return node
	}
	first := start("127.64.0.2", 1)
	assert.Equal(t, "127.64.0.2", first.Status.Addresses[0].Address)
	first.Spec.Unschedulable = true
	_, err := client.CoreV1().Nodes().Update(t.Context(), first, metav1.UpdateOptions{})
	require.NoError(t, err)

	again := start("127.64.0.3", 2)
	assert.Equal(t, []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "127.64.0.3"}, {Type: corev1.NodeHostName, Address: "host"}}, again.Status.Addresses)
	assert.Equal(t, int32(2), again.Status.DaemonEndpoints.KubeletEndpoint.Port)
	assert.Len(t, again.Status.Conditions, 1)
	assert.True(t, again.Spec.Unschedulable, "a cordon stays")
}
