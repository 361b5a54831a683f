package node

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"sync"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/apimachinery/lease"
	"k8s.io/utils/clock"

	"sglang-tpu/emulator/internal/core/cloud"
)

// The kubelet's defaults.
const (
	leaseSeconds = 40
	leaseRenewal = 10 * time.Second
)

// machine is one node.
type machine struct {
	members *members
	spec    cloud.Node
	address string // a loopback address
	object  *corev1.Node
	cancel  context.CancelFunc

	relabelling sync.Mutex
	labels      map[string]string // the node pool's current ones
	taints      []corev1.Taint
}

// startMachine serves the kubelet's API and registers the node.
func startMachine(ctx context.Context, c *members, spec cloud.Node) (*machine, error) {
	background, cancel := context.WithCancel(c.ctx)
	m := &machine{members: c, spec: spec, cancel: cancel, labels: spec.Labels, taints: spec.Taints}
	podAddress, address, err := c.access.Net.Allocate()
	if err != nil {
		cancel()
		return nil, err
	}
	m.address = address
	context.AfterFunc(background, func() { c.access.Net.Release(podAddress) })
	port, err := m.serve(background)
	if err != nil {
		cancel()
		return nil, err
	}
	m.object = nodeObject(spec, address, port)
	registered, err := m.register(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	owner := metav1.OwnerReference{APIVersion: "v1", Kind: "Node", Name: registered.Name, UID: registered.UID}
	go lease.NewController(clock.RealClock{}, c.access.Client, spec.Name, leaseSeconds, nil, leaseRenewal, spec.Name, corev1.NamespaceNodeLease,
		func(l *coordinationv1.Lease) error {
			l.OwnerReferences = []metav1.OwnerReference{owner}
			return nil
		}).Run(background)
	return m, nil
}

// register creates the Node. If the emulator was restarted, it exists, and its address changes.
// Its conditions are not reported again: nothing here checks their age.
func (m *machine) register(ctx context.Context) (*corev1.Node, error) {
	node, err := m.members.access.Client.CoreV1().Nodes().Create(ctx, m.object, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return m.setStatus(ctx, &m.object.Status)
	}
	return node, err
}

func (m *machine) setStatus(ctx context.Context, status *corev1.NodeStatus) (*corev1.Node, error) {
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return nil, err
	}
	return m.members.access.Client.CoreV1().Nodes().PatchStatus(ctx, m.spec.Name, patch)
}

// serve serves the kubelet's API to the API server.
func (m *machine) serve(ctx context.Context) (port int, err error) {
	a := m.members.access
	return a.Serve(ctx, "node-"+m.spec.Name, "system:node:"+m.spec.Name, []string{"system:nodes"}, m.address, api.PodHandler(api.PodHandlerConfig{
		RunInContainer:        m.members.exec,
		AttachToContainer:     m.members.attach,
		PortForward:           m.members.portForward,
		GetContainerLogs:      m.members.logs,
		StreamIdleTimeout:     4 * time.Hour,
		StreamCreationTimeout: 30 * time.Second,
	}, false), &tls.Config{
		ClientCAs: a.CA.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{"http/1.1"}, // HTTP/2 has no connection upgrades, which streams need
	})
}
