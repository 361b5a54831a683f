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
	"k8s.io/client-go/kubernetes"
)

// pod is one pod on a node, from the moment that the node sees it.
type pod struct {
	machine *machine
	object  *corev1.Pod
	dir     string

	ctx    context.Context // ends when nothing of the pod may run any longer
	cancel context.CancelFunc
	ended  chan struct{} // closed when nothing of it runs any longer, and its status says so
	done   chan struct{} // closed when it is gone from here, too

	stopping chan struct{} // closed when deletion begins
	stopOnce sync.Once
	grace    time.Duration // valid once stopping is closed

	mu           sync.Mutex
	shuttingDown bool   // with its node
	nodeNotReady bool   // and the node controller has seen that
	ip           string // empty before the sandbox is there
	loopback     string
	containers   []*container // init containers first
	changed      chan struct{}
	secrets      map[string]*os.File // by the file that leads to it
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

// delete begins the pod's graceful end; grace counts from the first call.
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

// run is the pod's whole life.
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
		// Whoever waits for the pod sees how it ended, even while it is being deleted.
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
			stopping = nil // it is no deletion
		}
		select {
		case <-stopping: // a pod that has ended stays until it is deleted
		case <-p.ctx.Done():
			if p.machine.members.ctx.Err() == nil { // its node is gone, or its object
				p.removeFolder()
			}
			return // else the emulator stops, and the pod goes on when it starts again
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

// work mounts, runs the init containers one after another and then the others, and
// returns when all have ended for good.
func (p *pod) work() {
	if p.object.DeletionTimestamp != nil {
		return // it was on its way out when the emulator started
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

// deleteObject removes the pod from the API server: nothing of it runs any longer.
func (p *pod) deleteObject(ctx context.Context) error {
	return deletePod(ctx, p.machine.members.access.Client, p.object)
}

// deletePod makes the API server forget a pod at once.
func deletePod(ctx context.Context, client kubernetes.Interface, object *corev1.Pod) error {
	zero := int64(0)
	err := client.CoreV1().Pods(object.Namespace).Delete(ctx, object.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &zero, Preconditions: &metav1.Preconditions{UID: &object.UID},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is gone, or another pod has its name
	}
	return err
}

func (p *pod) event(typ, reason, message string) {
	p.machine.members.events.Event(p.object, typ, reason, message)
}

// sleep waits; false means that the pod is to end.
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

// touch makes the status be published.
func (p *pod) touch() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
