package node

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"
)

// failing is a client whose calls all fail.
type failing struct {
	client.NodeInterface
	err error
}

func (f failing) Get(context.Context, string, metav1.GetOptions) (*corev1.Node, error) {
	return nil, f.err
}

func (f failing) Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*corev1.Node, error) {
	return nil, f.err
}

func TestACancelledUpdateIsNoSuccess(t *testing.T) {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		api := nodes{failing{err: fmt.Errorf("client rate limiter: %w", end)}}
		for name, call := range map[string]func() error{
			"get": func() error {
				_, err := api.Get(context.Background(), "a", metav1.GetOptions{})
				return err
			},
			"patch": func() error {
				_, err := api.Patch(context.Background(), "a", types.MergePatchType, nil, metav1.PatchOptions{})
				return err
			},
		} {
			require.EqualError(t, retry.RetryOnConflict(retry.DefaultRetry, call), "client rate limiter: "+end.Error(), name)
		}
	}
	missing := apierrors.NewNotFound(corev1.Resource("nodes"), "a")
	_, err := nodes{failing{err: missing}}.Get(context.Background(), "a", metav1.GetOptions{})
	assert.Equal(t, missing, err, "other errors stay what they are")
}
