package node

import (
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"sglang-tpu/emulator/internal/core/cloud"
)

// relabel gives a node that runs the labels and taints that its node pool has now, as GKE does
// without restarting it
// (https://cloud.google.com/kubernetes-engine/docs/how-to/update-existing-nodepools).
func (m *machine) relabel(ctx context.Context, spec cloud.Node) error {
	m.relabelling.Lock()
	defer m.relabelling.Unlock()
	if maps.Equal(m.labels, spec.Labels) && slices.Equal(m.taints, spec.Taints) {
		return nil
	}
	nodes := m.members.access.Client.CoreV1().Nodes()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		n, err := nodes.Get(ctx, spec.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		changed(n, m.labels, spec.Labels, m.taints, spec.Taints)
		_, err = nodes.Update(ctx, n, metav1.UpdateOptions{})
		return err
	})
	if err == nil {
		m.labels, m.taints = spec.Labels, spec.Taints
	}
	return err
}

// changed replaces a pool's labels and taints; those of others stay.
func changed(n *corev1.Node, oldLabels, labels map[string]string, oldTaints, taints []cloud.Taint) {
	for key := range oldLabels {
		delete(n.Labels, key)
	}
	maps.Copy(n.Labels, labels)
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool {
		return slices.Contains(oldTaints, cloud.Taint{Key: t.Key, Value: t.Value, Effect: string(t.Effect)})
	})
	for _, t := range taints {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: t.Key, Value: t.Value, Effect: corev1.TaintEffect(t.Effect)})
	}
}
