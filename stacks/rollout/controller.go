package rollout

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/spec/existing"
)

// controllerPath is the path of the controller's Deployment in the chart and the manifests
// of LeaderWorkerSet.
const controllerPath = "/apis/apps/v1/namespaces/lws-system/deployments/lws-controller-manager"

// Controller returns the LeaderWorkerSet controller of a cluster. Its version is the tag of
// its image; empty if that has none.
func Controller(ctx context.Context, kubeconfig string) (existing.Controller, error) {
	cluster, err := NewCluster(kubeconfig)
	if err != nil {
		return existing.Controller{}, err
	}
	var d struct { // k8s.io/api/apps/v1 is a package that nothing else needs
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
		Status struct {
			ReadyReplicas int `json:"readyReplicas"`
		} `json:"status"`
	}
	exists, err := cluster.read(ctx, controllerPath, &d)
	if err != nil || !exists {
		return existing.Controller{}, err
	}
	c := existing.Controller{Installed: true, Ready: d.Status.ReadyReplicas > 0}
	for _, container := range d.Spec.Template.Spec.Containers {
		image, _, _ := strings.Cut(container.Image, "@")
		if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
			c.Version = image[i+1:]
		}
	}
	return c, nil
}
