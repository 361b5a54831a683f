package node

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sglang-tpu/emulator/internal/pace"
)

// What the kubelet writes to the status of a node and its pods during a graceful node shutdown
// (kubernetes 1.34: pkg/kubelet/nodeshutdown/nodeshutdown_manager.go, and the error that it
// reports to nodestatus.ReadyCondition).
const (
	nodeShutdownReason  = "Terminated"
	nodeShutdownMessage = "Pod was terminated in response to imminent node shutdown."
	nodeNotReadyMessage = "node is shutting down"
)

// nodeMonitorPeriod is how often the node controller checks nodes (kube-controller-manager,
// --node-monitor-period). It marks the pods of a node that is not ready as not ready, so that
// Services stop sending traffic to them.
const nodeMonitorPeriod = 5 * time.Second

// ShutDown performs a graceful node shutdown of several nodes at the same time: no new pods
// start there, running pods get at most grace to terminate, and then the nodes and their
// remaining pods are removed.
//
// The pods end in phase Failed and are not deleted. Their owner deletes and replaces them.
func (c *members) ShutDown(ctx context.Context, nodes []string, grace time.Duration) error {
	machines, err := c.named(nodes)
	if err != nil {
		return err
	}
	err = together(machines, func(m *machine) error { return m.shutDown(ctx, grace) })
	return errors.Join(err, c.remove(ctx, machines...))
}

// shutDown returns when the machine's pods have ended.
func (m *machine) shutDown(ctx context.Context, grace time.Duration) error {
	m.members.events.Event(m.object, corev1.EventTypeNormal, "NodeShutdown", "Shutdown manager detected shutdown event")
	if err := m.notReady(ctx); err != nil {
		return err
	}
	var ending []*pod
	for _, p := range m.members.allPods() {
		if p.machine == m {
			p.shutDown(min(grace, p.terminationGrace()))
			ending = append(ending, p)
		}
	}
	for _, p := range ending {
		select {
		case <-p.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// notReady marks the node as not ready and adds the node controller's taint, so that the
// scheduler avoids it.
func (m *machine) notReady(ctx context.Context) error {
	if err := m.update(ctx, func(n *corev1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule})
	}); err != nil {
		return err
	}
	status := m.object.Status.DeepCopy()
	for i := range status.Conditions {
		if condition := &status.Conditions[i]; condition.Type == corev1.NodeReady {
			condition.Status, condition.Reason, condition.Message = corev1.ConditionFalse, "KubeletNotReady", nodeNotReadyMessage
			condition.LastTransitionTime = metav1.Now()
		}
	}
	_, err := m.setStatus(ctx, status)
	return err
}

// shutDown starts the pod's termination and sets its status accordingly.
func (p *pod) shutDown(grace time.Duration) {
	p.mu.Lock()
	p.shuttingDown = true
	p.mu.Unlock()
	time.AfterFunc(pace.Of(nodeMonitorPeriod), func() {
		p.mu.Lock()
		p.nodeNotReady = true
		p.mu.Unlock()
		p.touch()
	})
	p.delete(grace)
	p.touch()
}

// fillShutdown sets the status of a pod whose node shuts down. The phase changes only after
// all containers have terminated (pkg/kubelet/status, mergePodStatus).
func (p *pod) fillShutdown(s *corev1.PodStatus) {
	p.mu.Lock()
	shuttingDown, nodeNotReady := p.shuttingDown, p.nodeNotReady
	p.mu.Unlock()
	if !shuttingDown {
		return
	}
	if nodeNotReady {
		condition(s, corev1.PodReady, false, "NodeNotReady")
	}
	disrupted := condition(s, corev1.DisruptionTarget, true, "")
	disrupted.Reason, disrupted.Message = corev1.PodReasonTerminationByKubelet, nodeShutdownMessage
	if s.Phase == corev1.PodSucceeded {
		return
	}
	for _, cs := range slices.Concat(s.InitContainerStatuses, s.ContainerStatuses) {
		if cs.State.Running != nil {
			return
		}
	}
	s.Phase, s.Reason, s.Message = corev1.PodFailed, nodeShutdownReason, nodeShutdownMessage
	condition(s, corev1.ContainersReady, false, "PodFailed")
	condition(s, corev1.PodReady, false, "PodFailed")
}

func (p *pod) isShuttingDown() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shuttingDown
}
