package node

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"sync"
	"time"

	vk "github.com/virtual-kubelet/virtual-kubelet/node"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"sglang-tpu/emulator/internal/core/cloud"
)

// leaseSeconds is the kubelet's default.
const leaseSeconds = 40

// machine is one node.
type machine struct {
	members  *members
	spec     cloud.Node
	address  string // a loopback address
	object   *corev1.Node
	provider *vk.NaiveNodeProviderV2
	cancel   context.CancelFunc
	done     <-chan struct{}

	relabelling sync.Mutex
	labels      map[string]string // the node pool's current ones
	taints      []corev1.Taint
}

// startMachine registers a node and serves the kubelet's API.
func startMachine(c *members, spec cloud.Node) (*machine, error) {
	ctx, cancel := context.WithCancel(c.ctx)
	m := &machine{members: c, spec: spec, provider: vk.NewNaiveNodeProvider(), cancel: cancel, labels: spec.Labels, taints: spec.Taints}
	podAddress, address, err := c.access.Net.Allocate()
	if err != nil {
		cancel()
		return nil, err
	}
	m.address = address
	context.AfterFunc(ctx, func() { c.access.Net.Release(podAddress) })
	port, err := m.serve(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	m.object = nodeObject(spec, address, port)
	controller, err := vk.NewNodeController(m.provider, m.object, nodes{c.access.Client.CoreV1().Nodes()},
		vk.WithNodeEnableLeaseV1(c.access.Client.CoordinationV1().Leases(corev1.NamespaceNodeLease), leaseSeconds))
	if err != nil {
		cancel()
		return nil, err
	}
	m.done = controller.Done()
	go func() {
		if err := controller.Run(ctx); err != nil && ctx.Err() == nil {
			log.Printf("node %s: %v", spec.Name, err)
		}
	}()
	return m, nil
}

// ready waits until the node is registered with its current address.
func (m *machine) ready(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		n, err := m.members.access.Client.CoreV1().Nodes().Get(ctx, m.spec.Name, metav1.GetOptions{})
		return err == nil && len(n.Status.Addresses) > 0 && n.Status.Addresses[0].Address == m.address, nil
	})
	if err != nil && ctx.Err() == nil {
		return errors.New("did not register within a minute")
	}
	return err
}

// serve serves the kubelet's API to the API server.
func (m *machine) serve(ctx context.Context) (port int, err error) {
	a := m.members.access
	return a.Serve(ctx, "node-"+m.spec.Name, "system:node:"+m.spec.Name, []string{"system:nodes"}, m.address, api.PodHandler(api.PodHandlerConfig{
		RunInContainer:        m.members.exec,
		AttachToContainer:     m.members.attach,
		PortForward:           m.members.portForward,
		GetContainerLogs:      m.members.logs,
		GetPodsFromKubernetes: m.pods,
		StreamIdleTimeout:     4 * time.Hour,
		StreamCreationTimeout: 30 * time.Second,
	}, false), &tls.Config{
		ClientCAs: a.CA.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{"http/1.1"}, // HTTP/2 has no connection upgrades, which streams need
	})
}

func (m *machine) pods(context.Context) ([]*corev1.Pod, error) {
	var objects []*corev1.Pod
	for _, p := range m.members.allPods() {
		if p.machine == m {
			objects = append(objects, p.object)
		}
	}
	return objects, nil
}
