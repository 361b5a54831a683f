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

// relabel updates a running node to its pool's labels and taints. GKE does this without a
// restart (https://cloud.google.com/kubernetes-engine/docs/how-to/update-existing-nodepools).
func (m *machine) relabel(ctx context.Context, spec cloud.Node) error {
	m.relabelling.Lock()
	defer m.relabelling.Unlock()
	if maps.Equal(m.labels, spec.Labels) && slices.Equal(m.taints, spec.Taints) {
		return nil
	}
	err := m.update(ctx, func(n *corev1.Node) { changed(n, m.labels, spec.Labels, m.taints, spec.Taints) })
	if err == nil {
		m.labels, m.taints = spec.Labels, spec.Taints
	}
	return err
}

// update changes the Node object.
func (m *machine) update(ctx context.Context, change func(*corev1.Node)) error {
	nodes := m.members.access.Client.CoreV1().Nodes()
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		n, err := nodes.Get(ctx, m.spec.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(n)
		_, err = nodes.Update(ctx, n, metav1.UpdateOptions{})
		return err
	})
}

// changed replaces the labels and taints that come from the pool and keeps all others.
func changed(n *corev1.Node, oldLabels, labels map[string]string, oldTaints, newTaints []corev1.Taint) {
	for key := range oldLabels {
		delete(n.Labels, key)
	}
	maps.Copy(n.Labels, labels)
	n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool {
		return slices.ContainsFunc(oldTaints, func(old corev1.Taint) bool { return old.MatchTaint(&t) && old.Value == t.Value })
	})
	n.Spec.Taints = append(n.Spec.Taints, newTaints...)
}
