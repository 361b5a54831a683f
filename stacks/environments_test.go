package stacks

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/infra/cluster"
	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/spec/model"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/settings"
	"sglang-tpu/spec/topology"
)

func TestProductionIsReservedAndProtected(t *testing.T) {
	g := run(t, configtest.Environment(t, "prod"))
	pool := g.Get(t, nodePoolType, "slice-0")
	assert.Equal(t, "SPECIFIC_RESERVATION", pool.Value("nodeConfig.reservationAffinity.consumeReservationType"))
	assert.Equal(t, configtest.Reservation, pool.Value("nodeConfig.reservationAffinity.values[0]"))
	assert.Nil(t, pool.Value("nodeConfig.spot"))
	assert.Equal(t, true, g.Get(t, clusterType, "cluster").Value("deletionProtection"))
	assert.Equal(t, "NO_MINOR_OR_NODE_UPGRADES", g.Get(t, clusterType, "cluster").Value("maintenancePolicy.maintenanceExclusions[0].exclusionOptions.scope"), "the slice is kept from upgrades")
	for _, r := range g.All() {
		if costs(r) {
			assert.True(t, r.Protected(), "%s %s", r.Type, r.Name)
		}
	}
}

func TestDevelopmentIsSpotAndCanBeDestroyed(t *testing.T) {
	g := run(t, configtest.Environment(t, "dev"))
	pool := g.Get(t, nodePoolType, "slice-0")
	assert.Equal(t, true, pool.Value("nodeConfig.spot"))
	assert.Nil(t, pool.Value("nodeConfig.reservationAffinity"))
	assert.Equal(t, false, g.Get(t, clusterType, "cluster").Value("deletionProtection"))
	assert.Equal(t, "dev", pool.Value("nodeConfig.resourceLabels.environment"))
	policy := g.Get(t, clusterType, "cluster").Value("maintenancePolicy")
	assert.Equal(t, map[string]any{"dailyMaintenanceWindow": map[string]any{"startTime": "03:00"}}, policy, "a spot slice goes at any time anyway")
	assert.Equal(t, []any{"sleep", "5"}, g.OfType(setType)[0].Value("spec.leaderWorkerTemplate.leaderTemplate.spec.containers[0].lifecycle.preStop.exec.command"))
	for _, r := range g.All() {
		assert.False(t, r.Protected(), "%s %s", r.Type, r.Name)
	}
}

// costs leaves out what is no loss: enabled APIs, which outlive the stack anyway, Jobs,
// which ordinary changes replace, monitoring, which keeps nothing, and what is only Pulumi's.
func costs(r pulumitest.Resource) bool {
	return r.Parent() != "monitoring" && (strings.HasPrefix(r.Type, "gcp:") || strings.HasPrefix(r.Type, "kubernetes:")) &&
		r.Type != "gcp:projects/service:Service" && r.Type != "kubernetes:batch/v1:Job"
}

func TestOutputsAreReadyToPaste(t *testing.T) {
	m, ok := model.Lookup("Qwen/Qwen2.5-Coder-32B-Instruct")
	require.True(t, ok)
	shape, err := topology.Parse("2x2x2")
	require.NoError(t, err)
	plan, err := model.NewPlan(m, shape, model.Settings{})
	require.NoError(t, err)
	c := &settings.Config{
		Settings: settings.Settings{Project: "p", Region: "us-central1", Topology: shape, Replicas: 1, LeaderWorkerSet: "sglang-tpu-cluster"},
		Model:    m, Plan: plan,
	}
	out := (&stack{Config: c, spaces: names.NamespacesFor("dev", "", false)}).outputs(&platform{location: "us-central1", gke: &cluster.Cluster{
		Name: pulumi.String("sglang-tpu-dev").ToStringOutput(), Kubeconfig: pulumi.String("{}").ToStringOutput(),
	}}, "registry/image:tag")
	assert.Equal(t,
		"gcloud container clusters get-credentials sglang-tpu-dev --location us-central1 --project p --dns-endpoint && kubectl config set-context --current --namespace sglang",
		pulumitest.Await[string](t, out["getCredentialsCommand"].(pulumi.StringOutput)))
	assert.Equal(t, pulumi.String("kubectl port-forward svc/sglang-leader-tpu 8000:8000"), out["portForwardCommand"])
	assert.Contains(t, out["curlCommand"], "http://localhost:8000/generate")
	assert.Equal(t, pulumi.String("registry/image:tag"), out["image"])
	assert.Equal(t, pulumi.Int(16), out["plan"].(pulumi.Map)["tpSize"])
	assert.Equal(t, pulumi.Int(2), out["plan"].(pulumi.Map)["dpSize"])
	for _, name := range []string{"cluster", "location", "kubeconfig", "namespace", "leaderWorkerSet", "service", "replicas", "allowClientsCommand"} {
		assert.NotNil(t, out[name], name)
	}
}
