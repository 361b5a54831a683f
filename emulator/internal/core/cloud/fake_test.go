package cloud

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/prerequisites"
)

// fakeClusters records the calls of the cloud.
type fakeClusters struct {
	mu    sync.Mutex
	specs map[string]ClusterSpec
	nodes map[string][]Node // by cluster/pool
	// failed are the nodes that failed together, after their cluster
	failed []string
	// calls of Drain and ShutDownNodes, with grace period and number of nodes
	drained, shutDown []string
	// numbers of old and new nodes after each SetNodes
	steps []string
}

func newFake() *fakeClusters {
	return &fakeClusters{specs: map[string]ClusterSpec{}, nodes: map[string][]Node{}}
}

func (f *fakeClusters) CreateCluster(_ context.Context, spec ClusterSpec) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.specs[spec.Name] = spec
	return "127.0.0.1:6443", nil
}

func (f *fakeClusters) DeleteCluster(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.specs, name)
	return nil
}

func (f *fakeClusters) SetNodes(_ context.Context, cluster, pool string, nodes []Node) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := map[string]bool{}
	for _, n := range f.nodes[cluster+"/"+pool] {
		before[n.Name] = true
	}
	kept := 0
	for _, n := range nodes {
		if before[n.Name] {
			kept++
		}
	}
	f.steps = append(f.steps, fmt.Sprintf("%d kept of %d, %d new", kept, len(before), len(nodes)-kept))
	f.nodes[cluster+"/"+pool] = nodes
	return nil
}

func (f *fakeClusters) FailNodes(_ context.Context, cluster string, nodes []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = append(f.failed, cluster+": "+strings.Join(nodes, " "))
	return nil
}

func (f *fakeClusters) Drain(_ context.Context, cluster string, nodes []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drained = append(f.drained, fmt.Sprintf("%d of %s", len(nodes), cluster))
	return nil
}

func (f *fakeClusters) ShutDownNodes(_ context.Context, cluster string, nodes []string, grace time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shutDown = append(f.shutDown, fmt.Sprintf("%d of %s, %s", len(nodes), cluster, grace))
	return nil
}

// open opens a cloud whose operations take no time.
func open(t *testing.T, file string) (*Cloud, *fakeClusters) {
	t.Helper()
	fake := newFake()
	c, err := Open(file, 0)
	require.NoError(t, err)
	c.Clusters = fake
	require.NoError(t, c.Resume(context.Background()))
	for _, a := range prerequisites.APIs {
		if len(a.Types) == 0 {
			continue // no resource needs it
		}
		create(t, c, serviceKind, Values{"project": "p", "service": a.Name})
	}
	return c, fake
}

func stateFile(t *testing.T) string { return filepath.Join(t.TempDir(), "cloud.json") }

func create(t *testing.T, c *Cloud, typ string, in Values) *Resource {
	t.Helper()
	r, err := c.Create(context.Background(), typ, in)
	require.NoError(t, err)
	return r
}

func object(pairs ...any) map[string]any {
	o := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

const (
	networkID = "projects/p/global/networks/n"
	subnetID  = "projects/p/regions/us-central1/subnetworks/n"
	clusterID = "projects/p/locations/us-central1/clusters/c"
)

// withCluster creates a network, a subnet, a cluster and a workload policy for 2x2x2.
func withCluster(t *testing.T, c *Cloud) {
	t.Helper()
	create(t, c, networkKind, Values{"project": "p", "name": "n"})
	create(t, c, subnetKind, Values{
		"project": "p", "name": "n", "region": "us-central1", "network": networkID,
		"secondaryIpRanges": []any{object("rangeName", "pods", "ipCidrRange", "10.4.0.0/14")},
	})
	create(t, c, clusterKind, clusterValues())
	create(t, c, policyKind, policyValues())
}

func clusterValues() Values {
	return Values{
		"project": "p", "name": "c", "location": "us-central1", "network": networkID, "subnetwork": subnetID,
		"networkingMode": "VPC_NATIVE", "deletionProtection": false, "minMasterVersion": "1.35",
		"workloadIdentityConfig":      object("workloadPool", "p.svc.id.goog"),
		"ipAllocationPolicy":          object("clusterSecondaryRangeName", "pods"),
		"controlPlaneEndpointsConfig": object("dnsEndpointConfig", object("allowExternalTraffic", true)),
	}
}

func policyValues() Values {
	return Values{
		"project": "p", "name": "policy", "region": "us-central1",
		"workloadPolicy": object("type", "HIGH_THROUGHPUT", "acceleratorTopology", "2x2x2"),
	}
}

// slice returns the inputs of a valid 2x2x2 pool; set are pairs of a path and its value.
func slice(set ...any) Values {
	v := Values{
		"project": "p", "name": "slice", "cluster": clusterID, "location": "us-central1",
		"nodeLocations": []any{"us-central1-c"}, "nodeCount": float64(2),
		"nodeConfig":      object("machineType", "tpu7x-standard-4t", "diskType", "hyperdisk-balanced", "spot", true, "serviceAccount", "nodes@p"),
		"placementPolicy": object("policyName", "policy", "tpuTopology", "2x2x2", "type", ""),
	}
	for i := 0; i < len(set); i += 2 {
		if set[i+1] == nil {
			delete(v, set[i].(string))
			continue
		}
		v.set(set[i].(string), set[i+1])
	}
	return v
}
