package rollout

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// why returns what a pod waits for; empty if the pod and its node are ready.
func why(p *corev1.Pod, nodes map[string]bool) string {
	if node := p.Spec.NodeName; node != "" {
		// The status of a pod outlives its node by up to a minute: pods of deleted nodes are
		// collected every 20 s, after 40 s (kube-controller-manager's pod garbage collector).
		if ready, known := nodes[node]; !known {
			return "ran on node " + node + ", which is gone"
		} else if !ready {
			return "runs on node " + node + ", which is not ready"
		}
	}
	conditions := map[corev1.PodConditionType]corev1.PodCondition{}
	for _, c := range p.Status.Conditions {
		conditions[c.Type] = c
	}
	if conditions[corev1.PodReady].Status == corev1.ConditionTrue {
		return ""
	}
	if c, known := conditions[corev1.PodScheduled]; known && c.Status != corev1.ConditionTrue {
		return "is not scheduled: " + oneLine(c.Message)
	}
	for _, s := range statuses(p) {
		if w := s.State.Waiting; w != nil && w.Reason != "" && !usual[w.Reason] {
			return strings.TrimSuffix(fmt.Sprintf("waits in container %s: %s: %s", s.Name, w.Reason, oneLine(w.Message)), ": ")
		}
	}
	if failure := failed(p); failure != "" {
		return failure
	}
	if p.Status.Phase == corev1.PodRunning {
		return "runs and is not ready"
	}
	return "starts"
}

// usual are the reasons why every container waits before it runs.
var usual = map[string]bool{"ContainerCreating": true, "PodInitializing": true}

// note records how containers ended.
func note(failures map[string]string, pods []corev1.Pod) {
	for i := range pods {
		if failure := failed(&pods[i]); failure != "" {
			failures[pods[i].Name] = failure
		}
	}
}

// failed returns how a container of the pod ended; empty if none has failed. The message is
// the end of its log, by its terminationMessagePolicy.
func failed(p *corev1.Pod) string {
	for _, s := range statuses(p) {
		for _, t := range []*corev1.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated} {
			if t == nil || t.ExitCode == 0 {
				continue
			}
			return strings.TrimSuffix(fmt.Sprintf("container %s ended with exit code %d: %s", s.Name, t.ExitCode, end(t.Message)), ": ")
		}
	}
	return ""
}

func statuses(p *corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
}

// mostShown is how much of a log's end is shown, in characters.
const mostShown = 600

// end returns the last lines of a message as one line.
func end(message string) string {
	text := oneLine(message)
	if len(text) > mostShown {
		text = "... " + text[len(text)-mostShown:]
	}
	return text
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
