package tpu

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/topology"
)

const (
	poolType   = "gcp:container/nodePool:NodePool"
	policyType = "gcp:compute/resourcePolicy:ResourcePolicy"
)

func create(t *testing.T, shape string, source capacity.Capacity) *pulumitest.Graph {
	t.Helper()
	return createIn(t, shape, source, "")
}

// createIn makes a slice in a ComputeClass.
func createIn(t *testing.T, shape string, source capacity.Capacity, class string) *pulumitest.Graph {
	t.Helper()
	parsed, err := topology.Parse(shape)
	require.NoError(t, err)
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, provider))
		s, err := New(ctx, "slice-0", &Args{
			Name: "tpu-0", Project: "p", Location: "us-central1", Region: "us-central1", Zone: "us-central1-c",
			Cluster: pulumi.String("cluster-id"), Topology: parsed, Capacity: source, ComputeClass: class,
			NodeServiceAccount: pulumi.String("nodes@p"), NodeTag: "node", Labels: map[string]string{"team": "ml"},
		}, pulumi.Providers(provider), pulumi.Protect(true))
		if err != nil {
			return err
		}
		assert.Len(t, s.Dependencies, 1)
		return nil
	})
	assert.Equal(t, "tpu-0", graph.Get(t, poolType, "slice-0").Value("name"))
	return graph
}

func TestPropertiesThatGKEAddsDoNotReplaceASlice(t *testing.T) {
	graph := create(t, "2x2x2", capacity.Capacity{Mode: capacity.Spot})
	pool, policy := graph.Get(t, poolType, "slice-0"), graph.Get(t, policyType, "slice-0-policy")
	assert.ElementsMatch(t, []string{
		"nodeConfig.advancedMachineFeatures", "nodeConfig.guestAccelerators", "nodeConfig.kubeletConfig", "initialNodeCount",
	}, pool.IgnoresChanges())
	assert.True(t, pool.DeletesBeforeReplace(), "there are no chips for a second slice")
	assert.True(t, policy.DeletesBeforeReplace())
	assert.Equal(t, []string{"name"}, policy.ReplacesOnChanges(), "the provider would patch a policy that is not there")
	assert.Equal(t, []string{"#initerror"}, pool.ReplacesOnChanges(), "no update brings the nodes of a pool in ERROR")
	assert.Equal(t, 90*time.Minute, pool.CreateTimeout(t))
	assert.Equal(t, 90*time.Minute, pool.UpdateTimeout(t))
	assert.Equal(t, time.Hour, pool.DeleteTimeout(t))
	assert.True(t, pool.DependsOn("slice-0-policy"))
	for _, r := range []pulumitest.Resource{pool, policy} {
		assert.Equal(t, "slice-0", r.Parent())
		assert.Equal(t, "google", r.Provider())
		assert.True(t, r.Protected())
	}
}

func TestThePoolIsOneTPUSlice(t *testing.T) {
	graph := create(t, "2x2x2", capacity.Capacity{Mode: capacity.OnDemand})
	pool := graph.Get(t, poolType, "slice-0")
	for path, want := range map[string]any{
		"name": "tpu-0", "cluster": "cluster-id", "location": "us-central1",
		"nodeLocations":                          []any{"us-central1-c"},
		"nodeCount":                              2.0,
		"nodeConfig.machineType":                 "tpu7x-standard-4t",
		"nodeConfig.diskType":                    "hyperdisk-balanced",
		"nodeConfig.oauthScopes":                 []any{"https://www.googleapis.com/auth/cloud-platform"},
		"nodeConfig.serviceAccount":              "nodes@p",
		"nodeConfig.tags":                        []any{"node"},
		"nodeConfig.resourceLabels.team":         "ml",
		"nodeConfig.taints":                      []any{map[string]any{"key": "google.com/tpu", "value": "present", "effect": "NO_SCHEDULE"}},
		"nodeConfig.workloadMetadataConfig.mode": "GKE_METADATA",
		"placementPolicy.type":                   "",
		"placementPolicy.tpuTopology":            "2x2x2",
		"placementPolicy.policyName":             "tpu-0-2x2x2",
		"upgradeSettings.maxSurge":               0.0,
		"management.autoRepair":                  true,
		"autoscaling":                            nil,
		"nodeConfig.spot":                        nil,
		"nodeConfig.reservationAffinity":         nil,
	} {
		assert.Equal(t, want, pool.Value(path), path)
	}
	policy := graph.Get(t, policyType, "slice-0-policy")
	assert.Equal(t, map[string]any{"type": "HIGH_THROUGHPUT", "acceleratorTopology": "2x2x2"}, policy.Value("workloadPolicy"))
	assert.Equal(t, "us-central1", policy.Value("region"))
}

func TestASingleHostNeedsNoPolicy(t *testing.T) {
	for shape, machine := range map[string]string{"2x2x1": "tpu7x-standard-4t", "1x1x1": "tpu7x-standard-1t"} {
		graph := create(t, shape, capacity.Capacity{Mode: capacity.Spot})
		assert.Empty(t, graph.OfType(policyType), shape)
		pool := graph.Get(t, poolType, "slice-0")
		assert.Nil(t, pool.Value("placementPolicy"), shape)
		assert.Equal(t, machine, pool.Value("nodeConfig.machineType"))
		assert.InDelta(t, 1, pool.Value("nodeCount"), 0)
	}
}

func TestAPoolOfAComputeClassHasNoNodesUntilAPodRequestsThem(t *testing.T) {
	for _, source := range []capacity.Capacity{{Mode: capacity.Spot}, {Mode: capacity.OnDemand}, {Mode: capacity.Reservation, Reservation: "r"}, {Mode: capacity.FlexStart}} {
		graph := createIn(t, "2x2x4", source, "chips")
		pool := graph.Get(t, poolType, "slice-0")
		assert.Nil(t, pool.Value("nodeCount"), source.Mode)
		assert.InDelta(t, 0, pool.Value("initialNodeCount"), 0, source.Mode)
		assert.Equal(t, map[string]any{"minNodeCount": 0.0, "maxNodeCount": 4.0, "locationPolicy": "ANY"}, pool.Value("autoscaling"), source.Mode)
		assert.Equal(t, map[string]any{"cloud.google.com/compute-class": "chips"}, pool.Value("nodeConfig.labels"))
		assert.Equal(t, []any{
			map[string]any{"key": "google.com/tpu", "value": "present", "effect": "NO_SCHEDULE"},
			map[string]any{"key": "cloud.google.com/compute-class", "value": "chips", "effect": "NO_SCHEDULE"},
		}, pool.Value("nodeConfig.taints"))
	}
	assert.Nil(t, create(t, "2x2x2", capacity.Capacity{Mode: capacity.Spot}).Get(t, poolType, "slice-0").Value("nodeConfig.labels"))
}

func TestEachCapacityModeSetsItsOwnFieldsAndNoOthers(t *testing.T) {
	fields := []string{
		"nodeCount", "initialNodeCount", "autoscaling", "management.autoRepair",
		"nodeConfig.spot", "nodeConfig.flexStart", "nodeConfig.maxRunDuration", "nodeConfig.reservationAffinity",
	}
	reservation := func(value string) map[string]any {
		return map[string]any{
			"consumeReservationType": "SPECIFIC_RESERVATION",
			"key":                    "compute.googleapis.com/reservation-name", "values": []any{value},
		}
	}
	none := map[string]any{"consumeReservationType": "NO_RESERVATION"}
	autoscaling := map[string]any{"minNodeCount": 0.0, "maxNodeCount": 4.0, "locationPolicy": "ANY"}
	for name, tc := range map[string]struct {
		source capacity.Capacity
		want   map[string]any
	}{
		"spot":      {capacity.Capacity{Mode: capacity.Spot}, map[string]any{"nodeCount": 4.0, "nodeConfig.spot": true, "management.autoRepair": true}},
		"on-demand": {capacity.Capacity{Mode: capacity.OnDemand}, map[string]any{"nodeCount": 4.0, "management.autoRepair": true}},
		"reservation": {
			capacity.Capacity{Mode: capacity.Reservation, Reservation: "mine"},
			map[string]any{"nodeCount": 4.0, "nodeConfig.reservationAffinity": reservation("mine"), "management.autoRepair": true},
		},
		"a block of a shared reservation": {
			capacity.Capacity{Mode: capacity.Reservation, Reservation: "projects/o/reservations/r/reservationBlocks/b"},
			map[string]any{"nodeCount": 4.0, "nodeConfig.reservationAffinity": reservation("projects/o/reservations/r/reservationBlocks/b"), "management.autoRepair": true},
		},
		"flex-start": {
			capacity.Capacity{Mode: capacity.FlexStart, MaxRunDuration: "1h"},
			map[string]any{
				"initialNodeCount": 0.0, "autoscaling": autoscaling, "nodeConfig.flexStart": true,
				"nodeConfig.maxRunDuration": "3600s", "nodeConfig.reservationAffinity": none, "management.autoRepair": false,
			},
		},
		"flex-start for as long as GKE gives": {
			capacity.Capacity{Mode: capacity.FlexStart},
			map[string]any{
				"initialNodeCount": 0.0, "autoscaling": autoscaling, "nodeConfig.flexStart": true,
				"nodeConfig.reservationAffinity": none, "management.autoRepair": false,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pool := create(t, "2x2x4", tc.source).Get(t, poolType, "slice-0")
			for _, field := range fields {
				assert.Equal(t, tc.want[field], pool.Value(field), field)
			}
		})
	}
}
