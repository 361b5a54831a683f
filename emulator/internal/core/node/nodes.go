package node

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// nodes is a client for virtual-kubelet that works around a panic. virtual-kubelet updates the
// status with retry.RetryOnConflict, which returns nil if a call fails because its context has
// ended. virtual-kubelet then uses the node that it did not get and panics, for example if a
// node is deleted during a status update.
type nodes struct{ client.NodeInterface }

func (n nodes) Get(ctx context.Context, name string, o metav1.GetOptions) (*corev1.Node, error) {
	node, err := n.NodeInterface.Get(ctx, name, o)
	return node, plain(err)
}

func (n nodes) Patch(ctx context.Context, name string, kind types.PatchType, data []byte, o metav1.PatchOptions, parts ...string) (*corev1.Node, error) {
	node, err := n.NodeInterface.Patch(ctx, name, kind, data, o, parts...)
	return node, plain(err)
}

// plain replaces the error of a context that has ended by one with only its text.
func plain(err error) error {
	if err != nil && wait.Interrupted(err) {
		return errors.New(err.Error())
	}
	return err
}
