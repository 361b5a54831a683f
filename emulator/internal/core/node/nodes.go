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

// nodes is the API of nodes for virtual-kubelet. That retries a status update with
// retry.RetryOnConflict, which takes the end of a call's context for that of its own wait and
// reports success: virtual-kubelet then uses the node that it did not get, and panics. So a
// node that is deleted during a status update would end the emulator.
type nodes struct{ client.NodeInterface }

func (n nodes) Get(ctx context.Context, name string, o metav1.GetOptions) (*corev1.Node, error) {
	node, err := n.NodeInterface.Get(ctx, name, o)
	return node, plain(err)
}

func (n nodes) Patch(ctx context.Context, name string, kind types.PatchType, data []byte, o metav1.PatchOptions, parts ...string) (*corev1.Node, error) {
	node, err := n.NodeInterface.Patch(ctx, name, kind, data, o, parts...)
	return node, plain(err)
}

// plain keeps the text alone of an error that says that a context has ended.
func plain(err error) error {
	if err != nil && wait.Interrupted(err) {
		return errors.New(err.Error())
	}
	return err
}
