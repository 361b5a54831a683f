package node

import (
	"context"
	"errors"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/pace"
)

// What a kubelet writes into the status of its node and of its pods when the machine shuts
// down (kubernetes 1.34: pkg/kubelet/nodeshutdown/nodeshutdown_manager.go, and the error that
// it reports to nodestatus.ReadyCondition).
const (
	nodeShutdownReason  = "Terminated"
	nodeShutdownMessage = "Pod was terminated in response to imminent node shutdown."
	nodeNotReadyMessage = "node is shutting down"
)

// nodeMonitorPeriod is how often the node controller looks at nodes; it calls the pods of one
// that is not ready not ready, too, and its Services lose them (kube-controller-manager,
// --node-monitor-period).
const nodeMonitorPeriod = 5 * time.Second

// ShutDown stops machines together that their hypervisor has told to stop, as graceful node
// shutdown does: nothing new starts on them, their pods have grace to end at most, and then
// the machines and what is left of their pods vanish.
//
// The API server learns of a pod's end by its status, Failed, and not by a deletion: whoever
// owns the pod deletes it and makes another.
func (f *Fleet) ShutDown(ctx context.Context, a kube.Access, nodes []string, grace time.Duration) error {
	c := f.cluster(a)
	machines, err := c.named(nodes)
	if err != nil {
		return err
	}
	errs := make([]error, len(machines))
	var all sync.WaitGroup
	for i, m := range machines {
		all.Go(func() { errs[i] = m.shutDown(ctx, grace) })
	}
	all.Wait()
	return errors.Join(append(errs, c.remove(ctx, machines...))...)
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
			p.shutDown(min(grace, time.Duration(*orDefault(p.object.Spec.TerminationGracePeriodSeconds, 30))*time.Second))
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

// notReady is what the API server hears of the node first. The scheduler avoids it by the
// taint, which the node controller adds.
func (m *machine) notReady(ctx context.Context) error {
	nodes := m.members.access.Client.CoreV1().Nodes()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		node, err := nodes.Get(ctx, m.spec.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule})
		_, err = nodes.Update(ctx, node, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	object := m.object.DeepCopy()
	for i := range object.Status.Conditions {
		if condition := &object.Status.Conditions[i]; condition.Type == corev1.NodeReady {
			condition.Status, condition.Reason, condition.Message = corev1.ConditionFalse, "KubeletNotReady", nodeNotReadyMessage
			condition.LastTransitionTime = metav1.Now()
		}
	}
	return m.provider.UpdateStatus(ctx, object)
}

// shutDown begins the pod's end, of which its status tells.
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

// fillShutdown writes what the shutdown of its node makes of a pod's status. The phase
// changes only when nothing of the pod runs any longer (pkg/kubelet/status, mergePodStatus).
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
	condition(s, corev1.DisruptionTarget, true, "")
	for i := range s.Conditions {
		if c := &s.Conditions[i]; c.Type == corev1.DisruptionTarget {
			c.Reason, c.Message = corev1.PodReasonTerminationByKubelet, nodeShutdownMessage
		}
	}
	if s.Phase == corev1.PodSucceeded {
		return
	}
	for _, cs := range append(append([]corev1.ContainerStatus{}, s.InitContainerStatuses...), s.ContainerStatuses...) {
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
