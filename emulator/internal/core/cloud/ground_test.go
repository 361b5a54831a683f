package cloud

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// given returns the resources that exist before the stack in the end-to-end tests.
func given(t *testing.T) []Request {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "e2e", "testdata", "ground.yaml"))
	require.NoError(t, err)
	var all []Request
	require.NoError(t, yaml.UnmarshalStrict(text, &all))
	return all
}

// nothing returns an empty cloud.
func nothing(t *testing.T) *Cloud {
	t.Helper()
	c, err := Open(stateFile(t), 0)
	require.NoError(t, err)
	c.Clusters, c.Buckets = newFake(), t.TempDir()
	return c
}

func TestGroundExistsBeforeStacksAndIsListed(t *testing.T) {
	c := nothing(t)
	all := given(t)
	require.NoError(t, c.Ground(t.Context(), all))
	assert.ErrorContains(t, c.Ground(t.Context(), all), "already exists")

	cluster, err := c.Lookup("gcp:container/getCluster:getCluster", Values{"project": "emulated-project", "location": "us-central1", "name": "team"})
	require.NoError(t, err)
	for path, want := range map[string]any{
		"id": "projects/emulated-project/locations/us-central1/clusters/team", "name": "team", "datapathProvider": "ADVANCED_DATAPATH",
		"workloadIdentityConfigs[0].workloadPool": "emulated-project.svc.id.goog", "network": "projects/network-team/global/networks/corporate",
		"controlPlaneEndpointsConfigs[0].dnsEndpointConfigs[0].allowExternalTraffic": true,
		"addonsConfigs[0].gcsFuseCsiDriverConfigs[0].enabled":                        true,
		"monitoringConfigs[0].managedPrometheuses[0].enabled":                        true,
		"privateClusterConfigs[0].masterIpv4CidrBlock":                               "172.16.8.0/28",
	} {
		assert.Equal(t, want, cluster.at(path), path)
	}
	assert.NotEmpty(t, cluster.at("controlPlaneEndpointsConfigs[0].dnsEndpointConfigs[0].endpoint"))
	assert.Contains(t, cluster.text("masterVersion"), "1.35.")
	assert.Empty(t, cluster.list("secretManagerConfigs"))
	pools := map[any]Values{}
	for _, p := range cluster.list("nodePools") {
		pools[asMap(p)["name"]] = asMap(p)
	}
	require.Len(t, pools, 2)
	assert.Equal(t, "2x2x2", pools["team-slice"].at("placementPolicies[0].tpuTopology"))
	assert.Equal(t, "tpu7x-standard-4t", pools["team-slice"].at("nodeConfigs[0].machineType"))
	assert.Equal(t, "GKE_METADATA", pools["team-slice"].at("nodeConfigs[0].workloadMetadataConfigs[0].mode"))
	assert.Equal(t, 2.0, pools["team-slice"].at("nodeCount"))

	subnet, err := c.Lookup("gcp:compute/getSubnetwork:getSubnetwork", Values{"project": "network-team", "region": "us-central1", "name": "ml"})
	require.NoError(t, err)
	assert.Equal(t, "ml-pods", subnet.at("secondaryIpRanges[0].rangeName"))
	account, err := c.Lookup("gcp:serviceaccount/getAccount:getAccount", Values{"accountId": "team-nodes@emulated-project.iam.gserviceaccount.com"})
	require.NoError(t, err)
	assert.Equal(t, "team-nodes@emulated-project.iam.gserviceaccount.com", account.text("email"))
	bucket, err := c.Lookup("gcp:storage/getBucket:getBucket", Values{"name": "team-models"})
	require.NoError(t, err)
	assert.Equal(t, true, bucket.at("uniformBucketLevelAccess"))
	_, err = c.Lookup("gcp:storage/getBucket:getBucket", Values{"name": "none"})
	require.EqualError(t, err, "none not found")
	_, err = c.Lookup("gcp:compute/getZones:getZones", nil)
	require.ErrorContains(t, err, "has no function gcp:compute/getZones:getZones")

	_, err = c.Create(t.Context(), all[0].Type, all[0].Inputs) // a stack enables an API that is on
	require.NoError(t, err)
	for _, r := range c.Described() {
		assert.True(t, r.Ground, r.ID)
	}
	// RemoveGround deletes it despite its deletion protection and its objects.
	c.resources[clusterKind+" projects/emulated-project/locations/us-central1/clusters/team"].Inputs["deletionProtection"] = true
	require.NoError(t, os.MkdirAll(filepath.Join(c.Buckets, "team-models", "coder"), 0o700))
	require.NoError(t, c.RemoveGround(t.Context()))
	assert.Empty(t, c.Described())
	assert.NoDirExists(t, filepath.Join(c.Buckets, "team-models"))
}

func TestGKEMayUseTheNetworkOfAnotherProject(t *testing.T) {
	c := nothing(t)
	var all []Request
	for _, r := range given(t) {
		if r.Inputs.text("role") != hostAgentRole {
			all = append(all, r)
		}
	}
	assert.ErrorContains(t, c.Ground(t.Context(), all), "roles/container.hostServiceAgentUser in the host project network-team")
}

func TestGroundSurvivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cloud.json")
	text, err := json.Marshal(snapshot{Resources: []*Resource{{Type: bucketKind, ID: "b", Inputs: Values{"name": "b"}, Ground: true}}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	c, err := Open(file, 0)
	require.NoError(t, err)
	assert.True(t, c.Resources()[0].Ground)
}
