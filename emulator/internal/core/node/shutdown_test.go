package node

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
)

func TestThePodsOfANodeThatShutsDownFailOnceTheyHaveEnded(t *testing.T) {
	running := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	over := corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}
	of := func(s corev1.PodStatus, typ corev1.PodConditionType) corev1.PodCondition {
		for _, c := range s.Conditions {
			if c.Type == typ {
				return c
			}
		}
		return corev1.PodCondition{}
	}
	for name, test := range map[string]struct {
		pod    *pod
		status corev1.PodStatus
		phase  corev1.PodPhase
		reason string
		ready  corev1.ConditionStatus
	}{
		"nobody told it":                      {&pod{}, corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{running}}, corev1.PodRunning, "", corev1.ConditionTrue},
		"it still runs":                       {&pod{shuttingDown: true}, corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{over, running}}, corev1.PodRunning, "", corev1.ConditionTrue},
		"the node controller knows":           {&pod{shuttingDown: true, nodeNotReady: true}, corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{running}}, corev1.PodRunning, "", corev1.ConditionFalse},
		"it has ended, with exit code 0":      {&pod{shuttingDown: true}, corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{over}}, corev1.PodFailed, "Terminated", corev1.ConditionFalse},
		"its work was done, as that of a Job": {&pod{shuttingDown: true}, corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: []corev1.ContainerStatus{over}}, corev1.PodSucceeded, "", corev1.ConditionTrue},
	} {
		t.Run(name, func(t *testing.T) {
			test.status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			test.pod.fillShutdown(&test.status)
			assert.Equal(t, test.phase, test.status.Phase)
			assert.Equal(t, test.reason, test.status.Reason)
			assert.Equal(t, test.ready, of(test.status, corev1.PodReady).Status)
			if test.pod.shuttingDown {
				assert.Equal(t, "TerminationByKubelet", of(test.status, corev1.DisruptionTarget).Reason)
			} else {
				assert.Empty(t, of(test.status, corev1.DisruptionTarget))
			}
		})
	}
}
