// Package kube runs a real Kubernetes control plane for each cluster of the emulated cloud,
// with the parts of GKE on which workloads depend.
package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/core/netmap"
	"sglang-tpu/emulator/internal/layout"
)

// Access has the clients and addresses of one cluster.
type Access struct {
	Name      string
	Project   string
	Config    *rest.Config // cluster administrator
	Client    kubernetes.Interface
	Informers informers.SharedInformerFactory
	Events    record.EventBroadcaster
	Net       *netmap.Net
	CA        *Authority
	PKI       string // folder for further certificates
}

// Nodes runs the nodes of one cluster.
type Nodes interface {
	Set(ctx context.Context, pool string, nodes []cloud.Node) error
	Fail(ctx context.Context, nodes []string) error
	ShutDown(ctx context.Context, nodes []string, grace time.Duration) error
	Stop()
}

// Disks creates and deletes the CSI driver's disks in the cloud.
type Disks interface {
	CreateDisk(cloud.Disk) error
	DeleteDisk(name string) error
}

// Manager implements cloud.Clusters.
type Manager struct {
	Layout layout.Layout
	CA     *Authority
	Nodes  func(Access) Nodes // starts to run the nodes of a cluster
	Disks  Disks
	Pools  Autoscaler
	// Injected are the faults injected into requests to API servers; nil for none.
	Injected *injection.Set

	mu       sync.Mutex
	clusters map[string]*controlPlane
}

// CreateCluster starts or resumes a control plane.
func (m *Manager) CreateCluster(ctx context.Context, spec cloud.ClusterSpec) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clusters == nil {
		m.clusters = map[string]*controlPlane{}
	}
	if c := m.clusters[spec.Name]; c != nil {
		return c.public(), nil
	}
	c := &controlPlane{
		Access: Access{Name: spec.Name, Project: spec.Project, CA: m.CA, PKI: filepath.Join(m.Layout.Cluster(spec.Name), "pki")},
		dir:    m.Layout.Cluster(spec.Name), layout: m.Layout, injected: m.Injected, saved: saved{PodsCIDR: spec.PodsCIDR},
	}
	background, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	if err := c.start(ctx); err != nil {
		c.stop()
		return "", fmt.Errorf("control plane of %s: %w", spec.Name, err)
	}
	if err := m.addGKE(ctx, background, c); err != nil {
		c.stop()
		return "", err
	}
	m.clusters[spec.Name] = c
	return c.public(), nil
}

// addGKE adds the parts of GKE that plain Kubernetes does not have.
func (m *Manager) addGKE(ctx, background context.Context, c *controlPlane) error {
	if err := installDefaults(ctx, c.Config); err != nil {
		return err
	}
	if err := startWarden(background, c.Access); err != nil {
		return err
	}
	c.Informers = informers.NewSharedInformerFactory(c.Client, 0)
	c.Events = record.NewBroadcaster(record.WithContext(background))
	c.Events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.Client.CoreV1().Events("")})
	c.tunnel.serve(startProxy(c.Access, c.endpoint()))
	(&driver{access: c.Access, disks: m.Disks}).watch(background)
	core := c.Informers.Core().V1()
	core.Secrets().Informer()
	core.ConfigMaps().Informer()
	core.Nodes().Informer()
	core.Pods().Informer()
	core.ServiceAccounts().Informer()
	c.nodes = m.Nodes(c.Access)
	c.Informers.Start(background.Done())
	c.Informers.WaitForCacheSync(ctx.Done())
	go newScaler(c.Access, m.Pools).run(background)
	return nil
}

// DeleteCluster stops a control plane and removes its data.
func (m *Manager) DeleteCluster(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.clusters[name]; c != nil {
		c.stop()
		delete(m.clusters, name)
	}
	return os.RemoveAll(m.Layout.Cluster(name))
}

// SetNodes implements cloud.Clusters.
func (m *Manager) SetNodes(ctx context.Context, cluster, pool string, nodes []cloud.Node) error {
	return m.in(cluster, func(c *controlPlane) error { return c.nodes.Set(ctx, pool, nodes) })
}

// FailNodes implements cloud.Clusters.
func (m *Manager) FailNodes(ctx context.Context, cluster string, nodes []string) error {
	return m.in(cluster, func(c *controlPlane) error { return c.nodes.Fail(ctx, nodes) })
}

// ShutDownNodes implements cloud.Clusters.
func (m *Manager) ShutDownNodes(ctx context.Context, cluster string, nodes []string, grace time.Duration) error {
	return m.in(cluster, func(c *controlPlane) error { return c.nodes.ShutDown(ctx, nodes, grace) })
}

// in calls do with a running cluster.
func (m *Manager) in(cluster string, do func(*controlPlane) error) error {
	c, err := m.cluster(cluster)
	if err != nil {
		return err
	}
	return do(c)
}

func (m *Manager) cluster(name string) (*controlPlane, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.clusters[name]; c != nil {
		return c, nil
	}
	return nil, errors.New("cluster " + name + " is not running")
}

// Access returns the access to a running cluster.
func (m *Manager) Access(cluster string) (Access, error) {
	c, err := m.cluster(cluster)
	if err != nil {
		return Access{}, err
	}
	return c.Access, nil
}

// StopAll stops all clusters without deleting their data.
func (m *Manager) StopAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.clusters {
		c.stop()
	}
	clear(m.clusters)
}
