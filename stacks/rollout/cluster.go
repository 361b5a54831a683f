package rollout

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Cluster is asked with the credentials of a kubeconfig, as Pulumi's Kubernetes provider is.
type Cluster struct {
	client rest.Interface
	params runtime.ParameterCodec
}

// NewCluster reads a kubeconfig, in JSON or YAML.
func NewCluster(kubeconfig string) (*Cluster, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig([]byte(kubeconfig))
	if err != nil {
		return nil, err
	}
	// Only the core types are needed; client-go's own scheme would link all of Kubernetes.
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	config.APIPath, config.GroupVersion = "/api", &corev1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.Timeout = 30 * time.Second
	client, err := rest.RESTClientFor(config)
	return &Cluster{client, runtime.NewParameterCodec(scheme)}, err
}

// Look returns the pods that a goal speaks of, and all nodes.
func (c *Cluster) Look(ctx context.Context, goal Goal) (State, error) {
	var pods corev1.PodList
	selected := &metav1.ListOptions{LabelSelector: goal.Selector}
	if err := c.client.Get().Namespace(goal.Namespace).Resource("pods").VersionedParams(selected, c.params).Do(ctx).Into(&pods); err != nil {
		return State{}, err
	}
	var nodes corev1.NodeList
	if err := c.client.Get().Resource("nodes").Do(ctx).Into(&nodes); err != nil {
		return State{}, err
	}
	s := State{Pods: pods.Items, Nodes: map[string]bool{}}
	for _, n := range nodes.Items {
		s.Nodes[n.Name] = false
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
				s.Nodes[n.Name] = true
			}
		}
	}
	return s, nil
}
