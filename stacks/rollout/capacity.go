package rollout

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/spec/names"
)

// Pool is a node pool that GKE's autoscaler may scale up.
type Pool struct {
	Capacity string // description, such as "spot in us-central1-c"
	Zone     string
}

// Events of GKE's cluster autoscaler about a pod. The texts are from its published code
// (k8s.io/gke-autoscaling, pkg/processors/events, and kubernetes/autoscaler).
var (
	triggered = regexp.MustCompile(`/zones/([a-z0-9-]+)/`)
	refused   = regexp.MustCompile(`^Node scale up in zones (.+) associated with this pod failed: (.+)\. Pod is at risk of not being scheduled\.`)
)

// scaleUp returns a sentence about an event of the autoscaler; empty for other events. An
// event contains the zone and only a shortened name of the pool, so if two options are in
// one zone, the sentence names both.
func (g Goal) scaleUp(e *corev1.Event) string {
	pod := e.InvolvedObject.Name
	switch e.Reason {
	case "TriggeredScaleUp":
		if m := triggered.FindStringSubmatch(e.Message); m != nil {
			return fmt.Sprintf("%s: GKE requests %s", pod, g.optionsIn(m[1]))
		}
	case "FailedScaleUp":
		if m := refused.FindStringSubmatch(e.Message); m != nil {
			return fmt.Sprintf("%s: %s: refused, %s", pod, g.optionsIn(strings.Split(m[1], ", ")...), m[2])
		}
	default:
		return ""
	}
	return fmt.Sprintf("%s: %s", pod, oneLine(e.Message))
}

// optionsIn describes the capacity of the pools in the zones.
func (g Goal) optionsIn(zones ...string) string {
	var options []string
	for _, p := range g.Pools {
		if slices.Contains(zones, p.Zone) && !slices.Contains(options, p.Capacity) {
			options = append(options, p.Capacity)
		}
	}
	if len(options) == 0 {
		return "nodes in " + strings.Join(zones, ", ")
	}
	slices.Sort(options)
	return strings.Join(options, " or ")
}

// notice is a sentence about an event, and the name of the event.
type notice struct{ event, sentence string }

// scaleUps returns the sentences about the existing pods, the oldest first.
func (g Goal) scaleUps(s State) []notice {
	if g.Pools == nil {
		return nil
	}
	var all []notice
	events := slices.Clone(s.Events)
	slices.SortStableFunc(events, func(a, b corev1.Event) int { return a.FirstTimestamp.Compare(b.FirstTimestamp.Time) })
	for i := range events {
		there := slices.ContainsFunc(s.Pods, func(p corev1.Pod) bool { return p.UID == events[i].InvolvedObject.UID })
		if sentence := g.scaleUp(&events[i]); there && sentence != "" {
			all = append(all, notice{events[i].Name, sentence})
		}
	}
	return all
}

// placed returns lines that say where each group runs.
func (g Goal) placed(s State) []string {
	if g.Pools == nil {
		return nil
	}
	var lines []string
	for i := range s.Pods {
		p := &s.Pods[i]
		pool := s.PoolOf[p.Spec.NodeName]
		if p.Labels[names.WorkerLabel] != "0" || pool == "" {
			continue
		}
		what := cmp.Or(g.Pools[pool].Capacity, "a node pool of another configuration")
		lines = append(lines, fmt.Sprintf("replica %s: %s, node pool %s", p.Labels[names.GroupLabel], what, pool))
	}
	slices.Sort(lines)
	return lines
}
