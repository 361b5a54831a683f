// Package node runs the nodes of the emulated clusters. It uses virtual-kubelet to serve
// kubectl's logs, exec and port-forward. Containers of emulated images run as processes.
//
// Pods are not run by virtual-kubelet's PodController. It resolves all environment variables
// before the pod starts (1.11, internal/podutils), does not support status.podIP, which leader
// and worker need, and gives up on a pod after 20 tries. Nor are nodes registered by its
// NodeController: it panics if a node is deleted during an update of its status (1.11).
package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/ptr"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/layout"
)

// Images reads the configuration of an image in Artifact Registry, as a service account.
type Images interface {
	Config(email, reference string) (*v1.ConfigFile, error)
}

// Cloud answers what nodes and their CSI drivers ask Google Cloud.
type Cloud interface {
	FuseEnabled(cluster string) bool
	BucketAccess(project, bucket, namespace, account string, write bool) error
	SecretManagerEnabled(cluster string) bool
	AccessSecret(project, version, namespace, account string) (string, error)
	// StreamingAllowed checks whether image streaming works for the nodes of a service account.
	StreamingAllowed(project, email string) error
}

// Fleet runs the nodes of all clusters.
type Fleet struct {
	Layout layout.Layout
	Images Images
	Cloud  Cloud
}

// members are one cluster's nodes and pods. They implement kube.Nodes.
type members struct {
	fleet  *Fleet
	access kube.Access
	ctx    context.Context
	cancel context.CancelFunc
	events record.EventRecorder

	mu       sync.Mutex
	machines map[string]*machine
	pods     map[types.UID]*pod
}

// Start starts to run the nodes of a cluster, which has none at first.
func (f *Fleet) Start(a kube.Access) kube.Nodes {
	c := &members{fleet: f, access: a, machines: map[string]*machine{}, pods: map[types.UID]*pod{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.events = a.Events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet"})
	// It fails only if the informer is stopped, which means that the cluster stops too.
	_, _ = a.Informers.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { c.sync(obj.(*corev1.Pod)) },
		UpdateFunc: func(_, obj any) { c.sync(obj.(*corev1.Pod)) },
		DeleteFunc: func(obj any) {
			if p, ok := obj.(*corev1.Pod); ok {
				c.forget(p)
			}
		},
	})
	return c
}

// Set replaces the set of a pool's nodes. It returns when the new nodes are ready and the old
// ones are gone.
func (c *members) Set(ctx context.Context, pool string, nodes []cloud.Node) error {
	wanted := map[string]bool{}
	for _, n := range nodes {
		wanted[n.Name] = true
	}
	superfluous := slices.DeleteFunc(c.ofPool(pool), func(m *machine) bool { return wanted[m.spec.Name] })
	if err := c.remove(ctx, superfluous...); err != nil {
		return err
	}
	return together(nodes, func(n cloud.Node) error { return c.add(ctx, n) })
}

// together calls do for all elements concurrently and joins the errors.
func together[T any](all []T, do func(T) error) error {
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, one := range all {
		running.Go(func() { errs[i] = do(one) })
	}
	running.Wait()
	return errors.Join(errs...)
}

// Fail removes machines together, with all their processes. The API server deletes the nodes
// and their pods at once; on GKE that takes some minutes.
func (c *members) Fail(ctx context.Context, nodes []string) error {
	machines, err := c.named(nodes)
	if err != nil {
		return err
	}
	return c.remove(ctx, machines...)
}

// Stop stops the nodes and processes without deleting their API objects.
func (c *members) Stop() {
	c.cancel()
	for _, p := range c.allPods() {
		<-p.done
	}
}

func (c *members) ofPool(pool string) []*machine {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*machine
	for _, m := range c.machines {
		if m.spec.Pool == pool {
			found = append(found, m)
		}
	}
	return found
}

// named finds running machines.
func (c *members) named(nodes []string) ([]*machine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	machines := make([]*machine, len(nodes))
	for i, name := range nodes {
		if machines[i] = c.machines[name]; machines[i] == nil {
			return nil, fmt.Errorf("node %s is not running", name)
		}
	}
	return machines, nil
}

func (c *members) allPods() []*pod {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.pods))
}

func (c *members) add(ctx context.Context, spec cloud.Node) error {
	c.mu.Lock()
	known := c.machines[spec.Name]
	c.mu.Unlock()
	if known != nil {
		return known.relabel(ctx, spec)
	}
	if err := collectOrphans(ctx, c.access.Client, spec.Name); err != nil {
		return fmt.Errorf("node %s: %w", spec.Name, err)
	}
	m, err := startMachine(ctx, c, spec)
	if err != nil {
		return fmt.Errorf("node %s: %w", spec.Name, err)
	}
	c.mu.Lock()
	c.machines[spec.Name] = m
	c.mu.Unlock()
	for _, obj := range c.access.Informers.Core().V1().Pods().Informer().GetStore().List() {
		c.sync(obj.(*corev1.Pod))
	}
	return nil
}

// remove removes machines together, like the deletion of a node pool: their pods are deleted,
// too. The nodes are deleted from the API server first, so that no further pod is bound to one
// of them.
func (c *members) remove(ctx context.Context, machines ...*machine) error {
	c.mu.Lock()
	for _, m := range machines {
		delete(c.machines, m.spec.Name)
	}
	c.mu.Unlock()
	pods := slices.DeleteFunc(c.allPods(), func(p *pod) bool { return !slices.Contains(machines, p.machine) })
	for _, m := range machines {
		m.cancel()
	}
	for _, p := range pods {
		p.cancel()
	}
	for _, m := range machines {
		err := c.access.Client.CoreV1().Nodes().Delete(ctx, m.spec.Name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	for _, p := range pods {
		<-p.done
		if err := p.deleteObject(ctx); err != nil {
			return err
		}
	}
	return nil
}

// collectOrphans deletes the pods that are bound to a node of this name if the API server does
// not know the node. Kubernetes does so 40 to 60 s after a node has gone (pkg/controller/podgc,
// quarantineTime and gcCheckPeriod), and GKE recreates a machine minutes later. Here that takes
// a second, and the pods would continue as if nothing had happened.
func collectOrphans(ctx context.Context, client kubernetes.Interface, node string) error {
	_, err := client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return err // the node is known: the emulator was restarted
	}
	pods, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return err
	}
	for i := range pods.Items {
		if err := deletePod(ctx, client, &pods.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

// sync starts a new pod of one of this cluster's nodes, or stops it if it is being deleted.
func (c *members) sync(object *corev1.Pod) {
	if object.Spec.NodeName == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.machines[object.Spec.NodeName]
	if m == nil || c.ctx.Err() != nil {
		return
	}
	p := c.pods[object.UID]
	if p == nil {
		if kube.Finished(object) && object.DeletionTimestamp == nil {
			return
		}
		p = newPod(m, object.DeepCopy())
		c.pods[object.UID] = p
		go p.run()
	}
	if object.DeletionTimestamp != nil {
		p.delete(time.Duration(ptr.Deref(object.DeletionGracePeriodSeconds, 30)) * time.Second)
	}
}

func (c *members) forget(object *corev1.Pod) {
	c.mu.Lock()
	p := c.pods[object.UID]
	delete(c.pods, object.UID)
	c.mu.Unlock()
	if p != nil {
		p.cancel()
	}
}
