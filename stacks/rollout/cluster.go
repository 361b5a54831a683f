package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"sglang-tpu/spec/names"
	"sglang-tpu/spec/topology"
)

// Cluster is a client of a cluster, with the credentials of a kubeconfig, like Pulumi's
// Kubernetes provider.
type Cluster struct{ client rest.Interface }

// NewCluster returns a client for a kubeconfig, in JSON or YAML.
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
	return &Cluster{client}, err
}

// read reads an object that is not of a core type, such as one of a custom resource.
func (c *Cluster) read(ctx context.Context, path string, object any) (exists bool, err error) {
	text, err := c.client.Get().AbsPath(path).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		// The client's error contains only the code.
		var status metav1.Status
		_ = json.Unmarshal(text, &status) // without a message the error stays as it is
		if status.Message != "" {
			err = fmt.Errorf("%s: %w", status.Message, err)
		}
		return false, err
	}
	return true, json.Unmarshal(text, object)
}

// set contains the fields of a LeaderWorkerSet that determine its pods.
type set struct {
	Spec struct {
		Replicas int `json:"replicas"`
		Template struct {
			Size   int `json:"size"`
			Leader struct {
				Metadata metav1.ObjectMeta `json:"metadata"`
			} `json:"leaderTemplate"`
		} `json:"leaderWorkerTemplate"`
	} `json:"spec"`
}

// wanted reads the deployed LeaderWorkerSet, not the program's, because pulumi up with
// --target may have left it unchanged.
func (c *Cluster) wanted(ctx context.Context, goal Goal) (State, error) {
	var s set
	exists, err := c.read(ctx, "/apis/leaderworkerset.x-k8s.io/v1/namespaces/"+goal.Namespace+"/leaderworkersets/"+goal.Set, &s)
	if err != nil || !exists {
		return State{}, err
	}
	return State{Hash: s.Spec.Template.Leader.Metadata.Labels[goal.HashLabel], Wanted: s.Spec.Replicas * s.Spec.Template.Size}, nil
}

// Look returns the current state for a goal: what its set requires, its pods, and all
// nodes.
func (c *Cluster) Look(ctx context.Context, goal Goal) (State, error) {
	s, err := c.wanted(ctx, goal)
	if err != nil {
		return State{}, err
	}
	var pods corev1.PodList
	if err := c.client.Get().Namespace(goal.Namespace).Resource("pods").Param("labelSelector", names.SetLabel+"="+goal.Set).Do(ctx).Into(&pods); err != nil {
		return State{}, err
	}
	var nodes corev1.NodeList
	if err := c.client.Get().Resource("nodes").Do(ctx).Into(&nodes); err != nil {
		return State{}, err
	}
	if goal.Pools != nil {
		var events corev1.EventList
		if err := c.client.Get().Namespace(goal.Namespace).Resource("events").Do(ctx).Into(&events); err != nil {
			return State{}, err
		}
		s.Events = events.Items
	}
	s.Pods, s.Nodes, s.PoolOf = pods.Items, map[string]bool{}, map[string]string{}
	for _, n := range nodes.Items {
		s.PoolOf[n.Name] = n.Labels[topology.NodePoolLabel]
		s.Nodes[n.Name] = slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
			return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
		})
	}
	return s, nil
}
