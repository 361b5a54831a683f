package cloud

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func TestGKERejectsAPoolWithItsOwnErrors(t *testing.T) {
	for name, test := range map[string]struct {
		pool  Values
		says  string
		stays bool // in state ERROR
	}{
		"compact placement": {
			slice("placementPolicy.type", "COMPACT"),
			"Creation of a managed instance group with tpu7x-standard-4t machine type with placement policy is not supported. Use workload policy instead.", true,
		},
		"topology without policy": {slice("placementPolicy.policyName", ""), "Use workload policy instead.", true},
		"policy on one host": {
			slice("placementPolicy.tpuTopology", "2x2x1", "nodeCount", float64(1)),
			"error creating NodePool: googleapi: Error 400: TPU topology can't be specified with single-host TPU slice pool; please remove the tpu_topology from the node pool creation request", false,
		},
		"some of a slice's nodes at least":   {slice("nodeCount", nil, "autoscaling", object("minNodeCount", 1.0, "maxNodeCount", 2.0)), "Minimum node count 1 is not a valid size of TPU pod slice", false},
		"a zone of another region":           {slice("nodeLocations", []any{"us-east5-a"}), `Location "us-east5-a" is not in region "us-central1"`, false},
		"another topology than the policy's": {slice("placementPolicy.tpuTopology", "2x2x4", "nodeCount", float64(4)), "has accelerator topology 2x2x2, the pool asks for 2x2x4", true},
		"a host too many":                    {slice("nodeCount", float64(3)), "it needs 2", true},
		"two zones":                          {slice("nodeLocations", []any{"us-central1-b", "us-central1-c"}), "Node count 4 is not a valid size", true},
		"total limits": {
			slice("nodeCount", nil, "autoscaling", object("totalMaxNodeCount", float64(2))),
			`Maximum node count 0 is not a valid size of TPU pod slice with topology "2x2x2"`, false,
		},
		"flex-start without autoscaling": {slice("nodeConfig.flexStart", true), "Flex start node pools require autoscaling enabled.", false},
		"flex-start with nodes": {
			slice("nodeConfig.flexStart", true, "autoscaling", object("maxNodeCount", float64(2))),
			"Flex start node pools require initial node count to be set to 0.", false,
		},
		"flex-start with a reservation": {
			slice("nodeConfig.flexStart", true, "nodeConfig.spot", false, "nodeCount", nil, "autoscaling", object("maxNodeCount", float64(2)),
				"nodeConfig.reservationAffinity", object("consumeReservationType", "SPECIFIC_RESERVATION", "key", "k")),
			"requires reservation affinity to be set to none", false,
		},
		"flex-start that says nothing of reservations": {
			slice("nodeConfig.flexStart", true, "nodeConfig.spot", false, "nodeCount", nil, "autoscaling", object("maxNodeCount", float64(2))),
			"requires reservation affinity to be set to none", false,
		},
		"flex-start on spot": {
			slice("nodeConfig.flexStart", true, "nodeCount", nil, "autoscaling", object("maxNodeCount", float64(2))),
			"do not support spot or auto repair", false,
		},
		"pd boot disk":    {slice("nodeConfig.diskType", "pd-ssd"), "Disk type pd-ssd is not supported with machine type tpu7x-standard-4t.", false},
		"unknown machine": {slice("nodeConfig.machineType", "tpu9"), `Machine type "tpu9" does not exist in zone "us-central1-c".`, false},
		"no such cluster": {slice("cluster", "projects/p/locations/x/clusters/none"), "Error 404: The resource 'projects/p/locations/x/clusters/none' was not found, notFound", false},
		"no such policy":  {slice("placementPolicy.policyName", "none"), "Error 404: The resource 'none' was not found", false},
	} {
		t.Run(name, func(t *testing.T) {
			c, fake := open(t, stateFile(t))
			withCluster(t, c)
			r, err := c.Create(context.Background(), nodePoolKind, test.pool)
			if !test.stays {
				require.ErrorContains(t, err, test.says)
			}
			assert.Empty(t, fake.nodes)
			found, findErr := c.Find(nodePoolKind, test.pool)
			require.NoError(t, findErr)
			assert.Equal(t, test.stays, found != nil)
			if test.stays { // the provider reports no details
				require.EqualError(t, err, `NodePool slice was created in the error state "ERROR"`)
				assert.NotContains(t, r.Outputs, "status", "the provider's schema has none")
				assert.Contains(t, c.get(nodePoolKind, r.ID).Broken, test.says)
			}
		})
	}
}

func TestAPolicyMustBeAWorkloadPolicyWithATopology(t *testing.T) {
	for _, policy := range []Values{
		{"workloadPolicy": object("type", "HIGH_THROUGHPUT")},
		{"groupPlacementPolicy": object("collocation", "COLLOCATED")},
	} {
		c, _ := open(t, stateFile(t))
		withCluster(t, c)
		policy["project"], policy["region"], policy["name"] = "p", "us-central1", "other"
		create(t, c, policyKind, policy)
		r, err := c.Create(context.Background(), nodePoolKind, slice("placementPolicy.policyName", "other"))
		require.Error(t, err)
		require.Contains(t, c.get(nodePoolKind, r.ID).Broken, "does not support TPU topology with group placement policy and workload policy at the same time")
	}
}

// selectedByPods returns the node selector of the server's pods in the program's recorded graph.
func selectedByPods(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "stacks", "testdata", "graph", "dev.txt"))
	require.NoError(t, err)
	labels := map[string]string{}
	for _, selector := range regexp.MustCompile(`nodeSelector:\n((?: +\S+/\S+: \S+\n)+)`).FindAllStringSubmatch(string(text), -1) {
		for _, line := range strings.Split(strings.TrimSpace(selector[1]), "\n") {
			label, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			labels[label] = value
		}
	}
	require.Contains(t, labels, "cloud.google.com/gke-tpu-accelerator")
	return labels
}

func TestASliceGetsItsNodes(t *testing.T) {
	c, fake := open(t, stateFile(t))
	withCluster(t, c)
	pool := create(t, c, nodePoolKind, slice())
	nodes := fake.nodes["c/slice"]
	require.Len(t, nodes, 2)
	assert.NotEqual(t, nodes[0].Name, nodes[1].Name)
	assert.Equal(t, 4, nodes[0].TPUs)
	assert.Equal(t, []corev1.Taint{{Key: "google.com/tpu", Value: "present", Effect: "NoSchedule"}}, nodes[0].Taints)
	for label, value := range map[string]string{
		"cloud.google.com/gke-tpu-accelerator": "tpu7x", "cloud.google.com/gke-tpu-topology": "2x2x2",
		"cloud.google.com/gke-nodepool": "slice", "cloud.google.com/gke-spot": "true", "topology.kubernetes.io/region": "us-central1",
	} {
		assert.Equal(t, value, nodes[0].Labels[label], label)
	}
	for label, value := range selectedByPods(t) {
		assert.Equal(t, value, nodes[0].Labels[label], "pods of the program select %s, which the nodes of gke.go lack", label)
	}
	assert.Equal(t, "10.4.0.0/14", fake.specs["c"].PodsCIDR)
	assert.InDelta(t, 1, pool.Outputs.at("nodeConfig.advancedMachineFeatures.threadsPerCore"), 0, "GKE turns multithreading off")

	require.NoError(t, c.Delete(context.Background(), nodePoolKind, pool.ID))
	assert.Empty(t, fake.nodes["c/slice"])
}

func TestFlexStartNodesAreCreatedWhenAPodRequestsThem(t *testing.T) {
	file := stateFile(t)
	c, fake := open(t, file)
	withCluster(t, c)
	create(t, c, nodePoolKind, slice("nodeConfig.flexStart", true, "nodeConfig.spot", false, "nodeCount", nil,
		"nodeConfig.reservationAffinity", object("consumeReservationType", "NO_RESERVATION"), "autoscaling", object("minNodeCount", float64(0), "maxNodeCount", float64(2))))
	assert.Empty(t, fake.nodes["c/slice"])
	ask := func(topology string) { grow(t, c, map[string]string{"cloud.google.com/gke-tpu-topology": topology}) }
	ask("2x2x4")
	assert.Empty(t, fake.nodes["c/slice"], "another topology")
	ask("2x2x2")
	assert.Len(t, fake.nodes["c/slice"], 2)
	_, again := open(t, file)
	assert.Len(t, again.nodes["c/slice"], 2, "after reopening")
}

func TestDisksThatAttachToTPUHosts(t *testing.T) {
	require.EqualError(t, AttachError("pd-ssd", "tpu7x-standard-4t"),
		"googleapi: Error 400: pd-ssd disk type cannot be used by tpu7x-standard-4t machine type., badRequest")
	require.NoError(t, AttachError("hyperdisk-balanced", "tpu7x-standard-4t"))
	require.NoError(t, AttachError("pd-ssd", "e2-standard-8"))
}
