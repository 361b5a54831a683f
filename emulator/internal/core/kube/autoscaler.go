package kube

import (
	"context"
	"log"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/record"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/topology"
)

// Autoscaler scales node pools up and down. cloud.Cloud implements it.
type Autoscaler interface {
	Plan(cluster string, pending []cloud.PendingPod, used map[string]bool, now time.Time) (up []cloud.ScaleUp, down []string)
	Grow(ctx context.Context, up cloud.ScaleUp, now func() time.Time) error
	Shrink(ctx context.Context, pool string) error
}

// scanInterval is the time between two scans of the pods; GKE's autoscaler scans every ten
// seconds.
const scanInterval = 500 * time.Millisecond

// leaderAnnotation is an annotation of the workers of a group (LeaderPodNameAnnotationKey of
// LeaderWorkerSet).
const leaderAnnotation = "leaderworkerset.sigs.k8s.io/leader-name"

// scaler is the cluster autoscaler of one cluster.
type scaler struct {
	access Access
	pools  Autoscaler
	events record.EventRecorder
}

func newScaler(a Access, pools Autoscaler) *scaler {
	return &scaler{access: a, pools: pools, events: a.Events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "cluster-autoscaler"})}
}

// run scans the pods until the cluster ends.
func (s *scaler) run(ctx context.Context) {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		if err := s.look(ctx); err != nil && ctx.Err() == nil {
			log.Printf("cluster-autoscaler of %s: %v", s.access.Name, err)
		}
	}, scanInterval)
}

func (s *scaler) look(ctx context.Context) error {
	var pending []cloud.PendingPod
	used := map[string]bool{}
	for _, object := range s.access.Informers.Core().V1().Pods().Informer().GetStore().List() {
		pod := object.(*corev1.Pod)
		switch {
		case !asksForTPUs(pod):
		case pod.Spec.NodeName != "" && !Finished(pod):
			used[s.poolOf(pod.Spec.NodeName)] = true
		case unschedulable(pod) && !s.leaderless(pod):
			p := cloud.PendingPod{Pod: pod}
			if class := pod.Spec.NodeSelector[capacity.ClassLabel]; class != "" {
				var err error
				if p.Priorities, err = priorities(ctx, s.access.Client, class); err != nil {
					return err
				}
			}
			pending = append(pending, p)
		}
	}
	slices.SortFunc(pending, func(a, b cloud.PendingPod) int { return strings.Compare(a.Name, b.Name) })
	up, down := s.pools.Plan(s.access.Name, pending, used, time.Now())
	for _, u := range up {
		go s.grow(ctx, u)
	}
	for _, pool := range down {
		if err := s.pools.Shrink(ctx, pool); err != nil {
			return err
		}
	}
	return nil
}

// grow scales a pool up and writes events about that for the pod. The text of a failure is
// from pkg/processors/events in the autoscaler that Google has published; that of the
// beginning is from kubernetes/autoscaler.
func (s *scaler) grow(ctx context.Context, up cloud.ScaleUp) {
	s.events.Eventf(up.Pod, corev1.EventTypeNormal, "TriggeredScaleUp",
		"pod triggered scale-up: [{https://www.googleapis.com/compute/v1/projects/%s/zones/%s/instanceGroups/gke-%.16s-%.16s-grp 0->%d (max: %d)}]",
		up.Project, up.Zone, up.Cluster, up.Pool, up.Size, up.Size)
	if err := s.pools.Grow(ctx, up, time.Now); err != nil {
		s.events.Event(up.Pod, corev1.EventTypeWarning, "FailedScaleUp", err.Error())
	}
}

// leaderless reports whether a worker belongs to a group that has ended. Its StatefulSet
// recreates it, for the node pool of the deleted leader, until the garbage collector deletes
// the StatefulSet a second later. GKE would take minutes to scale that pool up again. Here it
// takes about a second, so the pod would bring back nodes that were just removed.
func (s *scaler) leaderless(pod *corev1.Pod) bool {
	leader := pod.Annotations[leaderAnnotation]
	if leader == "" {
		return false
	}
	l, err := s.access.Informers.Core().V1().Pods().Lister().Pods(pod.Namespace).Get(leader)
	if err != nil {
		return true
	}
	return l.DeletionTimestamp != nil || s.poolOf(l.Spec.NodeName) != pod.Spec.NodeSelector[topology.NodePoolLabel]
}

// poolOf returns the node pool of a node; empty if the node is gone.
func (s *scaler) poolOf(name string) string {
	node, err := s.access.Informers.Core().V1().Nodes().Lister().Get(name)
	if err != nil {
		return ""
	}
	return node.Labels[topology.NodePoolLabel]
}

func asksForTPUs(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool {
		_, asks := c.Resources.Limits[topology.ResourceName]
		return asks
	})
}

// Finished reports whether a pod has ended and is not restarted.
func Finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func unschedulable(pod *corev1.Pod) bool {
	if pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil {
		return false
	}
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable
	})
}
