// Package kube runs a real Kubernetes control plane for each cluster of the emulated cloud,
// with the parts of GKE on which workloads depend.
package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

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
	Net       *netmap.Net
	Resolve   func(namespace, host string) (string, error)
	CA        *Authority
	PKI       string // folder for further certificates
}

// Nodes runs the nodes of a cluster.
type Nodes interface {
	Set(ctx context.Context, a Access, pool string, nodes []cloud.Node) error
	Fail(ctx context.Context, a Access, nodes []string) error
	ShutDown(ctx context.Context, a Access, nodes []string, grace time.Duration) error
	Stop(cluster string)
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
	Nodes  Nodes
	Disks  Disks
	Pools  Autoscaler
	// Injected are the faults injected into requests to API servers; nil for none.
	Injected *injection.Set

	mu       sync.Mutex
	clusters map[string]*running
}

type running struct {
	plane  *controlPlane
	access Access
	cancel context.CancelFunc
}

// CreateCluster starts or resumes a control plane.
func (m *Manager) CreateCluster(ctx context.Context, spec cloud.ClusterSpec) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clusters == nil {
		m.clusters = map[string]*running{}
	}
	if r := m.clusters[spec.Name]; r != nil {
		return r.plane.public(), nil
	}
	plane := &controlPlane{
		name: spec.Name, dir: m.Layout.Cluster(spec.Name), layout: m.Layout, ca: m.CA, injected: m.Injected,
		saved: saved{PodsCIDR: spec.PodsCIDR, Project: spec.Project},
	}
	if err := plane.start(ctx); err != nil {
		plane.stop()
		return "", fmt.Errorf("control plane of %s: %w", spec.Name, err)
	}
	background, cancel := context.WithCancel(context.Background())
	r := &running{plane: plane, cancel: cancel, access: Access{
		Name: spec.Name, Project: spec.Project, Config: plane.admin, Client: plane.client,
		Informers: informers.NewSharedInformerFactory(plane.client, 0),
		Net:       plane.net, CA: m.CA, PKI: plane.pki(),
	}}
	resolver := &resolver{net: plane.net, factory: r.access.Informers}
	r.access.Resolve = resolver.resolve
	if err := m.addGKE(ctx, background, r, resolver); err != nil {
		cancel()
		plane.stop()
		return "", err
	}
	m.clusters[spec.Name] = r
	return plane.public(), nil
}

// addGKE adds the parts of GKE that plain Kubernetes does not have.
func (m *Manager) addGKE(ctx, background context.Context, r *running, resolver *resolver) error {
	if err := installDefaults(ctx, r.access.Config); err != nil {
		return err
	}
	if err := startWarden(background, r.access); err != nil {
		return err
	}
	proxy := newProxy(r.access, resolver, r.plane.endpoint())
	driver := &driver{access: r.access, disks: m.Disks}
	proxy.watch(r.access.Informers)
	r.plane.tunnel.serve(proxy)
	driver.watch(background, r.access.Informers)
	core := r.access.Informers.Core().V1()
	core.Secrets().Informer()
	core.ConfigMaps().Informer()
	core.Nodes().Informer()
	core.Pods().Informer()
	core.ServiceAccounts().Informer()
	r.access.Informers.Start(background.Done())
	r.access.Informers.WaitForCacheSync(ctx.Done())
	go (&scaler{access: r.access, pools: m.Pools}).run(background)
	return nil
}

// DeleteCluster stops a control plane and removes its data.
func (m *Manager) DeleteCluster(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.clusters[name]; r != nil {
		m.stop(r)
		delete(m.clusters, name)
	}
	return os.RemoveAll(m.Layout.Cluster(name))
}

func (m *Manager) stop(r *running) {
	m.Nodes.Stop(r.plane.name)
	r.cancel()
	r.plane.stop()
}

// SetNodes implements cloud.Clusters.
func (m *Manager) SetNodes(ctx context.Context, cluster, pool string, nodes []cloud.Node) error {
	r, err := m.cluster(cluster)
	if err != nil {
		return err
	}
	return m.Nodes.Set(ctx, r.access, pool, nodes)
}

// FailNodes implements cloud.Clusters.
func (m *Manager) FailNodes(ctx context.Context, cluster string, nodes []string) error {
	r, err := m.cluster(cluster)
	if err != nil {
		return err
	}
	return m.Nodes.Fail(ctx, r.access, nodes)
}

// ShutDownNodes implements cloud.Clusters.
func (m *Manager) ShutDownNodes(ctx context.Context, cluster string, nodes []string, grace time.Duration) error {
	r, err := m.cluster(cluster)
	if err != nil {
		return err
	}
	return m.Nodes.ShutDown(ctx, r.access, nodes, grace)
}

func (m *Manager) cluster(name string) (*running, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.clusters[name]; r != nil {
		return r, nil
	}
	return nil, errors.New("cluster " + name + " is not running")
}

// Access returns the access to a running cluster.
func (m *Manager) Access(cluster string) (Access, bool) {
	r, err := m.cluster(cluster)
	if err != nil {
		return Access{}, false
	}
	return r.access, true
}

// StopAll stops all clusters without deleting their data.
func (m *Manager) StopAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, r := range m.clusters {
		m.stop(r)
		delete(m.clusters, name)
	}
}
