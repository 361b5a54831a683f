package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	scheduling "k8s.io/component-helpers/scheduling/corev1"

	"sglang-tpu/spec/capacity"
)

// The cluster autoscaler, as far as it matters for TPU pods. The sources are GKE's
// documentation, About cluster autoscaling and About custom ComputeClasses, and the code
// that Google has published (k8s.io/gke-autoscaling): pkg/computeclass/processors for the
// order of a ComputeClass, pkg/processors/events for the texts of events, and the atomic
// resize processors of both for slices, which get all of their nodes or none.
const (
	// backoffMinutes is how long the autoscaler ignores a pool after a failed scale-up
	// (kubernetes/autoscaler, initial-node-group-backoff-duration).
	backoffMinutes, mostBackoffMinutes = 5, 30
	// scaleUpMinutes is how long a scale-up of a slice takes, and queueMinutes that of a
	// flex-start slice, which waits in Google's queue
	// (https://cloud.google.com/kubernetes-engine/docs/concepts/dws).
	scaleUpMinutes, queueMinutes = 4, 10
)

// IdleAfter is how long nodes are kept that no pod needs. GKE waits for ten minutes. Here it
// is real time, as for pods: a group restarts within seconds.
var IdleAfter = time.Minute

// scaling is what the autoscaler knows of a pool, in memory only.
type scaling struct {
	underWay bool      // the pool is being scaled up
	backoff  time.Time // until when the pool is ignored
	failures int       // each doubles the time
	idle     time.Time // since when no pod has needed the pool's nodes; zero if one does
}

// PendingPod is a pod for which the scheduler found no node.
type PendingPod struct {
	*corev1.Pod
	Priorities [][]string // node pools of its ComputeClass, in order; nil without a class
}

// ScaleUp is a pool to be scaled up for a pod.
type ScaleUp struct {
	Pod                          *corev1.Pod
	Project, Cluster, Pool, Zone string
	Size                         int
	pool                         *Resource
}

// Plan decides which pools to scale up and which to scale down. used are the pools of a
// cluster whose nodes have TPU pods. The caller must call Grow for each ScaleUp, and Shrink
// for each pool.
func (c *Cloud) Plan(cluster string, pending []PendingPod, used map[string]bool, now time.Time) (up []ScaleUp, down []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pools := c.autoscaled(cluster)
	// Each group has a separate pool (exclusive topology), so a pool that has nodes, or is
	// being scaled up, serves one pending pod.
	taken := map[string]bool{}
	for _, r := range pools {
		taken[r.ID] = used[r.Inputs.text("name")]
	}
	for _, pod := range pending {
		var candidates []*Resource
		for _, r := range inOrder(pools, pod) {
			if !taken[r.ID] && c.fits(r, pod) {
				candidates = append(candidates, r)
			}
		}
		if i := slices.IndexFunc(candidates, func(r *Resource) bool { return r.ScaledUp || r.scaling.underWay }); i >= 0 {
			taken[candidates[i].ID] = true
			continue
		}
		i := slices.IndexFunc(candidates, func(r *Resource) bool { return !now.Before(r.scaling.backoff) })
		if i < 0 {
			continue
		}
		r := candidates[i]
		taken[r.ID], r.scaling.underWay = true, true
		up = append(up, ScaleUp{
			Pod: pod.Pod, Project: r.Inputs.text("project"), Cluster: cluster, Pool: r.Inputs.text("name"),
			Zone: zones(r.Inputs)[0], Size: r.Inputs.number("autoscaling.maxNodeCount"), pool: r,
		})
	}
	for _, r := range pools {
		if taken[r.ID] || !r.ScaledUp || r.Inputs.number("autoscaling.minNodeCount") > 0 {
			r.scaling.idle = time.Time{}
			continue
		}
		if r.scaling.idle.IsZero() {
			r.scaling.idle = now
		}
		if now.Sub(r.scaling.idle) >= IdleAfter {
			down = append(down, r.ID)
		}
	}
	return up, down
}

// autoscaled returns the pools of a cluster that the autoscaler may change, by name.
func (c *Cloud) autoscaled(cluster string) []*Resource {
	return slices.DeleteFunc(c.usable(nodePoolKind), func(r *Resource) bool {
		return r.Inputs["autoscaling"] == nil || last(r.Inputs.text("cluster")) != cluster
	})
}

// inOrder returns the pools that a pod may use: those of its ComputeClass, in order, or all
// pools if it has none. GKE would then choose the cheapest; here at most one fits.
func inOrder(pools []*Resource, pod PendingPod) []*Resource {
	if pod.Priorities == nil {
		return pools
	}
	var ordered []*Resource
	for _, names := range pod.Priorities {
		for _, r := range pools {
			if slices.Contains(names, r.Inputs.text("name")) {
				ordered = append(ordered, r)
			}
		}
	}
	return ordered
}

// fits reports whether a pod can run on a pool's nodes. A pool that a ComputeClass names is
// used only with the class's label and taint.
func (c *Cloud) fits(r *Resource, pod PendingPod) bool {
	n := c.node(r, zones(r.Inputs)[0], 0)
	if !labels.SelectorFromSet(pod.Spec.NodeSelector).Matches(labels.Set(n.Labels)) {
		return false
	}
	if _, refused := scheduling.FindMatchingUntoleratedTaint(n.Taints, pod.Spec.Tolerations, nil); refused {
		return false
	}
	return pod.Priorities == nil || slices.ContainsFunc(n.Taints, func(t corev1.Taint) bool {
		return t.Key == capacity.ClassLabel && t.Value == pod.Spec.NodeSelector[capacity.ClassLabel]
	})
}

// Grow scales a pool up to all of its nodes. The error is the text of the pod's event.
func (c *Cloud) Grow(ctx context.Context, up ScaleUp, now func() time.Time) error {
	r := up.pool
	minutes := float64(scaleUpMinutes)
	if r.Inputs.truth("nodeConfig.flexStart") {
		minutes = queueMinutes
	}
	c.wait(ctx, minutes)
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		r.scaling.underWay = false
	}()
	if c.get(nodePoolKind, r.ID) != r {
		return nil // it was deleted meanwhile
	}
	if text := c.TakeFault("scale-up", r.ID+" "+up.Zone+" "+mode(r.Inputs)); text != "" {
		c.mu.Lock()
		minutes := min(backoffMinutes<<min(r.scaling.failures, 3), mostBackoffMinutes)
		r.scaling.failures++
		r.scaling.backoff = now().Add(time.Duration(minutes) * c.minute)
		c.mu.Unlock()
		return fmt.Errorf("Node scale up in zones %s associated with this pod failed: %s. Pod is at risk of not being scheduled.", up.Zone, reason(text))
	}
	defer c.exclusive(r)()
	return c.resize(ctx, r, true)
}

// Shrink removes a pool's nodes.
func (c *Cloud) Shrink(ctx context.Context, id string) error {
	r := c.get(nodePoolKind, id)
	if r == nil {
		return nil
	}
	defer c.exclusive(r)()
	return c.resize(ctx, r, false)
}

// resize requires that no other operation runs on the cluster.
func (c *Cloud) resize(ctx context.Context, r *Resource, up bool) error {
	if c.get(nodePoolKind, r.ID) != r {
		return nil
	}
	c.mu.Lock()
	before := r.ScaledUp
	r.ScaledUp = up
	r.scaling.idle = time.Time{}
	c.mu.Unlock()
	o := &operation{ctx: ctx, cloud: c, resource: r}
	err := o.setNodes(o.settle())
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		r.ScaledUp = before // the next pending pod triggers it again
	}
	return errors.Join(err, c.save())
}

// startAutoscaling keeps the current nodes of a pool for which autoscaling is turned on.
func (o *operation) startAutoscaling() {
	if o.before["autoscaling"] != nil || o.resource.Inputs["autoscaling"] == nil {
		return
	}
	o.cloud.mu.Lock()
	defer o.cloud.mu.Unlock()
	o.resource.ScaledUp = len(o.cloud.nodesOf(&Resource{Type: o.resource.Type, ID: o.resource.ID, Inputs: o.before})) > 0
}

// mode returns a pool's capacity mode, as named in the program's settings.
func mode(in Values) string {
	switch {
	case in.truth("nodeConfig.spot"):
		return "spot"
	case in.truth("nodeConfig.flexStart"):
		return "flex-start"
	case in.text("nodeConfig.reservationAffinity.consumeReservationType") == "SPECIFIC_RESERVATION":
		return "reservation"
	}
	return "on-demand"
}

// reason converts Compute Engine's error to the autoscaler's text.
func reason(text string) string {
	switch {
	case stockout(text):
		return "GCE out of resources"
	case strings.Contains(text, "Quota"):
		return "GCE quota exceeded"
	}
	return text
}
