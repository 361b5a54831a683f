package node

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

// pod is one pod that is scheduled to a node.
type pod struct {
	machine *machine
	object  *corev1.Pod
	dir     string

	ctx    context.Context // ends when all containers must be killed
	cancel context.CancelFunc
	ended  chan struct{} // closed when all containers have ended and the status is published
	done   chan struct{} // closed when the pod is removed

	stopping chan struct{} // closed when termination begins
	stopOnce sync.Once
	grace    time.Duration // valid once stopping is closed

	mu           sync.Mutex
	shuttingDown bool   // the node shuts down
	nodeNotReady bool   // the node controller has noticed the shutdown
	ip           string // empty until the sandbox exists
	loopback     string
	containers   []*container // init containers first
	changed      chan struct{}
	secrets      map[string]*os.File // memory by the path of its link
}

func newPod(m *machine, object *corev1.Pod) *pod {
	p := &pod{
		machine: m, object: object, dir: m.members.fleet.Layout.Pod(string(object.UID)),
		ended: make(chan struct{}), done: make(chan struct{}), stopping: make(chan struct{}), changed: make(chan struct{}, 1),
	}
	p.ctx, p.cancel = context.WithCancel(m.members.ctx)
	for i := range object.Spec.InitContainers {
		p.containers = append(p.containers, newContainer(p, &object.Spec.InitContainers[i], true))
	}
	for i := range object.Spec.Containers {
		p.containers = append(p.containers, newContainer(p, &object.Spec.Containers[i], false))
	}
	return p
}

// terminationGrace returns the grace period of the pod's spec.
func (p *pod) terminationGrace() time.Duration {
	return time.Duration(ptr.Deref(p.object.Spec.TerminationGracePeriodSeconds, 30)) * time.Second
}

// delete starts the pod's graceful termination. Only the first call sets the grace period, but
// a grace of 0 always kills the pod.
func (p *pod) delete(grace time.Duration) {
	p.stopOnce.Do(func() {
		p.grace = grace
		close(p.stopping)
	})
	if grace == 0 {
		p.cancel()
	}
}

func (p *pod) beingDeleted() bool {
	select {
	case <-p.stopping:
		return true
	default:
		return false
	}
}

// run runs the pod until it is deleted or its node stops.
func (p *pod) run() {
	defer close(p.done)
	published := make(chan struct{})
	publishing, stopPublishing := context.WithCancel(p.ctx)
	go func() {
		defer close(published)
		p.publish(publishing)
	}()
	p.work()
	stopPublishing()
	<-published
	if p.machine.members.ctx.Err() == nil {
		// Publish the final status, also if the pod is being deleted.
		if err := p.publishOnce(p.machine.members.ctx); err != nil {
			log.Printf("pod %s/%s: %v", p.object.Namespace, p.object.Name, err)
		}
	}
	close(p.ended)
	if p.ip != "" {
		p.machine.members.access.Net.Release(p.ip)
	}
	if !p.beingDeleted() || p.isShuttingDown() {
		stopping := p.stopping
		if p.isShuttingDown() {
			stopping = nil // it is closed, but the pod is not being deleted
		}
		select {
		case <-stopping: // a completed pod remains until it is deleted
		case <-p.ctx.Done():
			if p.machine.members.ctx.Err() == nil { // the Node or the Pod was deleted
				p.removeFolder()
			}
			return // otherwise the emulator stops, and the pod resumes when it starts again
		}
	}
	if err := p.deleteObject(p.machine.members.ctx); err != nil {
		log.Printf("pod %s/%s: %v", p.object.Namespace, p.object.Name, err)
	}
	p.removeFolder()
}

func (p *pod) removeFolder() {
	p.forget()
	if err := os.RemoveAll(p.dir); err != nil {
		log.Printf("pod %s/%s: %v", p.object.Namespace, p.object.Name, err)
	}
}

// work mounts the volumes, runs the init containers in order and then the other containers,
// and returns when all have terminated.
func (p *pod) work() {
	if p.object.DeletionTimestamp != nil {
		return // it was already being deleted when the emulator started
	}
	if !p.mount() {
		return
	}
	ip, loopback, err := p.machine.members.access.Net.Allocate()
	if err != nil {
		p.event(corev1.EventTypeWarning, "FailedCreatePodSandBox", err.Error())
		return
	}
	p.mu.Lock()
	p.ip, p.loopback = ip, loopback
	p.mu.Unlock()
	p.touch()
	var all sync.WaitGroup
	for _, c := range p.containers {
		if c.init {
			if !c.supervise() {
				return
			}
			continue
		}
		all.Go(func() { c.supervise() })
	}
	all.Wait()
}

// deleteObject deletes the Pod object, after all containers have ended.
func (p *pod) deleteObject(ctx context.Context) error {
	return deletePod(ctx, p.machine.members.access.Client, p.object)
}

// deletePod deletes a pod from the API server at once.
func deletePod(ctx context.Context, client kubernetes.Interface, object *corev1.Pod) error {
	zero := int64(0)
	err := client.CoreV1().Pods(object.Namespace).Delete(ctx, object.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &zero, Preconditions: &metav1.Preconditions{UID: &object.UID},
	})
	// A conflict means that another pod has its name.
	return utilerrors.FilterOut(err, apierrors.IsNotFound, apierrors.IsConflict)
}

func (p *pod) event(typ, reason, message string) {
	p.machine.members.events.Event(p.object, typ, reason, message)
}

// sleep waits; false means that the pod ends.
func (p *pod) sleep(d time.Duration) bool {
	select {
	case <-p.ctx.Done():
	case <-p.stopping:
	case <-time.After(d):
		return true
	}
	return false
}

func (p *pod) volume(name string) string { return filepath.Join(p.dir, "volumes", name) }

// touch requests that the status is published.
func (p *pod) touch() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
