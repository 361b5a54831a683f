package kube

import (
	"context"
	"encoding/json"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
)

// priorities returns the node pools of a ComputeClass, in order; an empty list if the class
// does not exist.
func priorities(ctx context.Context, client kubernetes.Interface, class string) ([][]string, error) {
	pools := [][]string{}
	text, err := client.Discovery().RESTClient().Get().AbsPath("/apis/cloud.google.com/v1/computeclasses/" + class).DoRaw(ctx)
	if apierrors.IsNotFound(err) {
		return pools, nil
	}
	if err != nil {
		return nil, err
	}
	var object struct {
		Spec struct {
			Priorities []struct {
				NodePools []string `json:"nodepools"`
			} `json:"priorities"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	for _, rule := range object.Spec.Priorities {
		pools = append(pools, rule.NodePools)
	}
	return pools, nil
}
