package stacks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/stacks/rollout"
)

const classType = "kubernetes:cloud.google.com/v1:ComputeClass"

// withFallbacks has three options, the second of which takes turns with two zones.
func withFallbacks(t *testing.T) configtest.Values {
	return configtest.Minimal(t).With("gcp:zone", "us-central1-c", "sglang-tpu:replicas", "2",
		"sglang-tpu:capacityFallbacks", `[{"mode":"on-demand","zones":["us-central1-ai1a","us-central1-c"]},{"mode":"flex-start"}]`)
}

func TestFallbacksAreEmptyPoolsInTheOrderOfAClass(t *testing.T) {
	g := run(t, withFallbacks(t))
	pools := g.OfType(nodePoolType)
	require.Len(t, pools, 1+2*3, "a system pool, and one for each replica and option")
	zones := map[string]any{}
	for _, pool := range pools {
		if pool.Name == "cluster-system" {
			continue
		}
		zones[pool.Value("name").(string)] = pool.Value("nodeLocations").([]any)[0]
		assert.Nil(t, pool.Value("nodeCount"), "it has no nodes until one is asked for")
		assert.Equal(t, map[string]any{"minNodeCount": 0.0, "maxNodeCount": 2.0, "locationPolicy": "ANY"}, pool.Value("autoscaling"))
		assert.Equal(t, map[string]any{"cloud.google.com/compute-class": "sglang-tpu-test"}, pool.Value("nodeConfig.labels"))
		assert.Contains(t, pool.Value("nodeConfig.taints"), map[string]any{"key": "cloud.google.com/compute-class", "value": "sglang-tpu-test", "effect": "NO_SCHEDULE"})
		assert.LessOrEqual(t, len(pool.Value("name").(string)), 40, "a node pool's name")
	}
	class := g.Get(t, classType, "capacity")
	var order [][]any
	for _, rule := range class.Value("spec.priorities").([]any) {
		order = append(order, rule.(map[string]any)["nodepools"].([]any))
	}
	require.Len(t, order, 3)
	assert.Equal(t, []any{"sglang-tpu-test-slice-0", "sglang-tpu-test-slice-1"}, order[0])
	var inOrder []any
	for _, names := range order {
		for _, name := range names {
			inOrder = append(inOrder, zones[name.(string)])
		}
	}
	assert.Equal(t, []any{"us-central1-c", "us-central1-c", "us-central1-ai1a", "us-central1-c", "us-central1-c", "us-central1-c"}, inOrder,
		"the zones of the second option take turns")

	set := g.OfType(setType)[0]
	assert.True(t, set.DependsOn("capacity"))
	for _, role := range []string{"leaderTemplate", "workerTemplate"} {
		template := "spec.leaderWorkerTemplate." + role
		assert.Equal(t, "sglang-tpu-test", set.Value(template+`.spec.nodeSelector["cloud.google.com/compute-class"]`))
		assert.Contains(t, set.Value(template+".spec.tolerations"), map[string]any{
			"key": "cloud.google.com/compute-class", "operator": "Equal", "value": "sglang-tpu-test", "effect": "NoSchedule",
		})
		assert.Equal(t, "false", set.Value(template+`.metadata.annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"]`))
		assert.Equal(t, "true", set.Value(template+`.metadata.annotations["gke-gcsfuse/volumes"]`), "beside those that are there")
	}
}

// Otherwise another order would replace node pools, and give slices back that work.
func TestReorderingFallbacksOnlyChangesTheComputeClass(t *testing.T) {
	properties := func(fallbacks string) map[string]any {
		all := map[string]any{}
		for _, r := range run(t, configtest.Minimal(t).With("sglang-tpu:capacityFallbacks", fallbacks)).OfType(nodePoolType) {
			all[r.Name] = r.Value("nodeConfig")
		}
		return all
	}
	before := properties(`[{"mode":"on-demand"},{"mode":"reservation","reservation":"r"}]`)
	assert.Equal(t, before, properties(`[{"mode":"reservation","reservation":"r"},{"mode":"on-demand"}]`))
	for name, pool := range properties(`[{"mode":"spot","zones":["us-central1-ai1a"]},{"mode":"reservation","reservation":"r"},{"mode":"on-demand"}]`) {
		if had, ok := before[name]; ok {
			assert.Equal(t, had, pool, name)
		}
	}
}

// A stack that has one option keeps its slice when it gets another: what differs is changed in
// place (gcp-provider: labels, taints, autoscaling and nodeCount replace nothing).
func TestTheFirstOptionsPoolsAreThoseOfAStackWithoutFallbacks(t *testing.T) {
	one := run(t, configtest.Minimal(t)).Get(t, nodePoolType, "slice-0")
	first := run(t, configtest.Minimal(t).With("sglang-tpu:capacityFallbacks", `[{"mode":"on-demand"}]`)).Get(t, nodePoolType, "slice-0")
	for _, property := range []string{"name", "nodeLocations", "placementPolicy", "nodeConfig.spot", "nodeConfig.machineType", "nodeConfig.reservationAffinity"} {
		assert.Equal(t, one.Value(property), first.Value(property), property)
	}
}

func TestReplicasOfOneOptionAreSpreadOverItsZones(t *testing.T) {
	g := run(t, configtest.Minimal(t).With("sglang-tpu:replicas", "3", "sglang-tpu:capacity", `{"mode":"spot","zones":["us-central1-c","us-central1-ai1a"]}`))
	for name, zone := range map[string]string{"slice-0": "us-central1-c", "slice-1": "us-central1-ai1a", "slice-2": "us-central1-c", "cluster-system": "us-central1-c"} {
		pool := g.Get(t, nodePoolType, name)
		assert.Equal(t, []any{zone}, pool.Value("nodeLocations"), name)
		assert.Equal(t, "us-central1", pool.Value("location"))
	}
	assert.Empty(t, g.OfType(classType), "there is nothing to fall back to")
	assert.Equal(t, "us-central1", g.OfType("gcp:storage/bucket:Bucket")[0].Value("location"))
	assert.Equal(t, "us-central1", g.OfType("gcp:artifactregistry/repository:Repository")[0].Value("location"))
}

func TestAnUpKnowsTheOptionsOfItsNodePools(t *testing.T) {
	var e Endpoint
	_, err := pulumitest.TryRun(e.Serving, withFallbacks(t))
	require.NoError(t, err)
	assert.Len(t, e.goal.Pools, 6)
	assert.Equal(t, rollout.Pool{Capacity: "spot in us-central1-c", Zone: "us-central1-c"}, e.goal.Pools["sglang-tpu-test-slice-1"])
}

func TestTheAlertAboutSlicesCountsThoseOfEveryOption(t *testing.T) {
	slices := func(g *pulumitest.Graph) string {
		return g.Get(t, "gcp:monitoring/alertPolicy:AlertPolicy", "monitoring-alert-slice-lost").Value("conditions").([]any)[0].(map[string]any)["conditionPrometheusQueryLanguage"].(map[string]any)["query"].(string)
	}
	assert.Contains(t, slices(run(t, withFallbacks(t))), `node_pool_name=~"sglang-tpu-test-slice-[0-9]+(-[0-9a-f]+)?"`)
	assert.Contains(t, slices(run(t, configtest.Minimal(t))), `node_pool_name=~"sglang-tpu-test-slice-[0-9]+"`)
}

func TestWithoutReplicasThereIsNoComputeClass(t *testing.T) {
	g := run(t, withFallbacks(t).With("sglang-tpu:replicas", "0"))
	assert.Empty(t, g.OfType(classType), "GKE takes no rule without a node pool")
	assert.Len(t, g.OfType(nodePoolType), 1)
}
