package node

import (
	"context"
	"log"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/util/retry"
)

// publish writes each change of the status to the API server until the context ends.
func (p *pod) publish(ctx context.Context) {
	p.touch()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
		}
		if err := p.publishOnce(ctx); err != nil && ctx.Err() == nil {
			log.Printf("status of %s/%s: %v", p.object.Namespace, p.object.Name, err)
			time.AfterFunc(time.Second, p.touch)
		}
	}
}

func (p *pod) publishOnce(ctx context.Context) error {
	pods := p.machine.members.access.Client.CoreV1().Pods(p.object.Namespace)
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		current, err := pods.Get(ctx, p.object.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && current.UID != p.object.UID {
			return nil
		}
		if err != nil {
			return err
		}
		before := current.Status.DeepCopy()
		p.fill(&current.Status)
		if reflect.DeepEqual(before, &current.Status) {
			return nil
		}
		_, err = pods.UpdateStatus(ctx, current, metav1.UpdateOptions{})
		return utilerrors.FilterOut(err, apierrors.IsNotFound)
	})
}

// fill sets the fields of the status that the kubelet owns.
func (p *pod) fill(s *corev1.PodStatus) {
	p.mu.Lock()
	ip := p.ip
	p.mu.Unlock()
	if s.StartTime == nil {
		now := metav1.Now()
		s.StartTime = &now
	}
	s.HostIP = p.machine.address
	s.HostIPs = []corev1.HostIP{{IP: p.machine.address}}
	if ip != "" {
		s.PodIP, s.PodIPs = ip, []corev1.PodIP{{IP: ip}}
	}
	s.InitContainerStatuses, s.ContainerStatuses = nil, nil
	initialized, ready := true, true
	for _, c := range p.containers {
		cs := c.status()
		if c.init {
			s.InitContainerStatuses = append(s.InitContainerStatuses, cs)
			initialized = initialized && cs.State.Terminated != nil && cs.State.Terminated.ExitCode == 0
			continue
		}
		s.ContainerStatuses = append(s.ContainerStatuses, cs)
		ready = ready && cs.Ready
	}
	s.Phase = p.phase(s)
	over := s.Phase == corev1.PodSucceeded || s.Phase == corev1.PodFailed
	condition(s, corev1.PodReadyToStartContainers, ip != "" && !over, "")
	condition(s, corev1.PodInitialized, initialized, "ContainersNotInitialized")
	condition(s, corev1.ContainersReady, ready && !over, "ContainersNotReady")
	condition(s, corev1.PodReady, ready && !over, "ContainersNotReady")
	p.fillShutdown(s)
	s.QOSClass = p.object.Status.QOSClass
}

// phase returns the pod's phase by the kubelet's rules.
func (p *pod) phase(s *corev1.PodStatus) corev1.PodPhase {
	restarts := p.object.Spec.RestartPolicy
	for _, cs := range s.InitContainerStatuses {
		if t := cs.State.Terminated; t != nil && t.ExitCode != 0 && restarts == corev1.RestartPolicyNever {
			return corev1.PodFailed
		}
	}
	ended, failed, waiting := 0, 0, 0
	for _, cs := range s.ContainerStatuses {
		switch {
		case cs.State.Terminated != nil:
			ended++
			if cs.State.Terminated.ExitCode != 0 {
				failed++
			}
		case cs.State.Waiting != nil && cs.LastTerminationState.Terminated == nil:
			waiting++
		}
	}
	all := len(s.ContainerStatuses)
	switch {
	case waiting > 0:
		return corev1.PodPending
	case ended == all && p.beingDeleted() && failed > 0, ended == all && failed > 0 && restarts == corev1.RestartPolicyNever:
		return corev1.PodFailed
	case ended == all && failed == 0 && (restarts != corev1.RestartPolicyAlways || p.beingDeleted()):
		return corev1.PodSucceeded
	default:
		return corev1.PodRunning
	}
}

// condition sets a condition of a pod and returns it.
func condition(s *corev1.PodStatus, typ corev1.PodConditionType, ok bool, reason string) *corev1.PodCondition {
	i := slices.IndexFunc(s.Conditions, func(c corev1.PodCondition) bool { return c.Type == typ })
	if i < 0 {
		i = len(s.Conditions)
		s.Conditions = append(s.Conditions, corev1.PodCondition{})
	}
	want := corev1.PodCondition{Type: typ, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}
	if !ok {
		want.Status, want.Reason = corev1.ConditionFalse, reason
	}
	if s.Conditions[i].Status == want.Status {
		want.LastTransitionTime = s.Conditions[i].LastTransitionTime
	}
	s.Conditions[i] = want
	return &s.Conditions[i]
}
