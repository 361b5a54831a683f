package checks

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"sglang-tpu/cmd/internal/endpoint"
	"sglang-tpu/spec/names"
)

// ranks compares the pods of each group with the stack's plan. It returns the leaders by group,
// and whether the cluster could be reached.
func (q *questions) ranks(ctx context.Context) (leaders map[int]string, reached bool) {
	var pods corev1.PodList
	if err := q.Get(ctx, &pods, "pods", "-l", names.SetLabel+"="+q.Outputs.Set); err != nil {
		q.fail(clusterCheck, endpoint.Message(err), "make doctor STACK="+q.Name+", which asks for login and tools; the stack's output getCredentialsCommand, and kubectl get pods, show the same without this program")
		return nil, false
	}
	q.ok(clusterCheck, "kubectl reaches it")

	leaders = map[int]string{}
	found := make([]int, q.Outputs.Replicas) // pods by group
	var wrong []string
	suspect := "" // the first pod that exists and is not ready
	for i := range pods.Items {
		pod := &pods.Items[i]
		group, err := strconv.Atoi(pod.Labels[names.GroupLabel])
		if err != nil || group < 0 || group >= q.Outputs.Replicas {
			wrong = append(wrong, pod.Name+" is of a group that the stack does not have")
			continue
		}
		found[group]++
		if pod.Labels[names.WorkerLabel] == "0" {
			leaders[group] = pod.Name
		}
		if state := notReady(pod); state != "" {
			wrong = append(wrong, pod.Name+" "+state)
			if suspect == "" {
				suspect = pod.Name
			}
		}
	}
	for group, n := range found {
		if n < q.Outputs.Plan.Hosts {
			wrong = append(wrong, fmt.Sprintf("group %d has %d of %d pods", group, n, q.Outputs.Plan.Hosts))
		}
	}
	if len(wrong) == 0 {
		q.ok(ranksCheck, "all %d pods are there and ready: %d x %d", len(pods.Items), q.Outputs.Replicas, q.Outputs.Plan.Hosts)
		return leaders, true
	}
	do := q.Typed("get leaderworkerset,pods") + "; a group whose worker has gone starts again by itself. If somebody has changed the number of groups, pulumi up --refresh restores it"
	if suspect != "" {
		do = q.Typed("describe pod "+suspect) + " says why; a group whose worker has gone starts again by itself (docs/troubleshooting.md)"
	}
	q.fail(ranksCheck, strings.Join(wrong, "; "), do)
	return leaders, true
}

// notReady returns why a pod is not ready; empty if it is.
func notReady(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return "is ending"
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return ""
		}
	}
	return fmt.Sprintf("is not ready (%s)", pod.Status.Phase)
}

// service counts the leaders among the endpoints of the Service.
func (q *questions) service(ctx context.Context) {
	var slices discoveryv1.EndpointSliceList
	err := q.Get(ctx, &slices, "endpointslices", "-l", discoveryv1.LabelServiceName+"="+q.Outputs.Service)
	describe := q.Typed("describe service " + q.Outputs.Service)
	if err != nil {
		q.fail(serviceCheck, endpoint.Message(err), describe)
		return
	}
	ready := map[string]bool{} // by address
	for _, slice := range slices.Items {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			for _, address := range e.Addresses {
				ready[address] = true
			}
		}
	}
	switch {
	case len(ready) == 0:
		q.fail(serviceCheck, q.Outputs.Service+" has no ready endpoint: no client's request reaches a server", describe+"; its endpoints are the leaders that are ready. If somebody has changed the Service: "+
			// A refresh does not detect a label that was added to the selector.
			q.Typed("delete service "+q.Outputs.Service)+", then pulumi up --refresh --stack "+q.Name+", which recreates it")
	case len(ready) < q.Outputs.Replicas:
		q.fail(serviceCheck, fmt.Sprintf("%d of %d leaders are ready endpoints of %s: the other groups serve nobody", len(ready), q.Outputs.Replicas, q.Outputs.Service), describe+"; its endpoints are the leaders that are ready")
	default:
		q.ok(serviceCheck, "%d of %d leaders are ready endpoints of %s", len(ready), q.Outputs.Replicas, q.Outputs.Service)
	}
}
