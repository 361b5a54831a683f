package kube

import (
	"context"
	"log"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/kubernetes"

	"sglang-tpu/emulator/internal/pace"
)

// drainLimit is how long GKE respects PodDisruptionBudgets and grace periods during an upgrade
// of nodes (documentation, Node upgrade strategies). It is scaled like the waiting times of
// pods, because it limits those and not an operation of Google's.
var drainLimit = pace.Of(time.Hour)

// drainRetry is how long kubectl drain waits after a PodDisruptionBudget has rejected an
// eviction.
var drainRetry = pace.Of(5 * time.Second)

// Drain drains nodes as GKE does before it recreates them: it cordons all of them and evicts
// their pods until none is left or the limit has passed.
func (m *Manager) Drain(ctx context.Context, cluster string, nodes []string) error {
	return m.in(cluster, func(c *controlPlane) error { return drain(ctx, c.Client, nodes) })
}

func drain(ctx context.Context, client kubernetes.Interface, nodes []string) error {
	for _, name := range nodes {
		if err := cordon(ctx, client, name); err != nil {
			return err
		}
	}
	refused := ""
	for deadline := time.Now().Add(drainLimit); ; {
		left, refusal, err := evict(ctx, client, nodes)
		if err != nil || left == 0 {
			return err
		}
		if refusal != "" && refusal != refused {
			log.Printf("drain of %v: %s", nodes, refusal)
		}
		refused = refusal
		if time.Now().After(deadline) {
			log.Printf("drain of %v: %d pods are left after an hour and are deleted with their nodes", nodes, left)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(drainRetry):
		}
	}
}

// evict requests the eviction of all pods of the nodes once. It returns the number of pods
// that are left, and the error of a PodDisruptionBudget that forbids an eviction.
func evict(ctx context.Context, client kubernetes.Interface, nodes []string) (left int, refusal string, err error) {
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, "", err
	}
	for _, pod := range pods.Items {
		if !slices.Contains(nodes, pod.Spec.NodeName) || ofDaemonSet(pod) {
			continue
		}
		left++
		if pod.DeletionTimestamp != nil {
			continue
		}
		err := client.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{
			ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
			DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}},
		})
		switch {
		case apierrors.IsTooManyRequests(err):
			refusal = err.Error()
		case err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err):
			return left, "", err
		}
	}
	return left, refusal, nil
}

func ofDaemonSet(pod corev1.Pod) bool {
	owner := metav1.GetControllerOf(&pod)
	return owner != nil && owner.Kind == "DaemonSet"
}

func cordon(ctx context.Context, client kubernetes.Interface, name string) error {
	_, err := client.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType, []byte(`{"spec":{"unschedulable":true}}`), metav1.PatchOptions{})
	return utilerrors.FilterOut(err, apierrors.IsNotFound)
}
