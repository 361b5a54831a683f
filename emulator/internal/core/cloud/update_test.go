package cloud

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/topology"
)

func TestAnOmittedPropertyHasTheProvidersDefault(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	pool := create(t, c, nodePoolKind, slice("nodeConfig.shieldedInstanceConfig", object("enableSecureBoot", true), "upgradeSettings", object("maxSurge", 0.0)))
	for path, want := range map[string]any{
		"nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring": true, "nodeConfig.preemptible": false, "upgradeSettings.strategy": "SURGE",
	} {
		assert.Equal(t, want, pool.Outputs.at(path), path)
		assert.Nil(t, pool.Inputs.at(path), path)
	}
	assert.Nil(t, pool.Outputs["management"], "a default inside of a block that is not there is none")
	updated, err := c.Update(context.Background(), nodePoolKind, pool.ID, slice("nodeConfig.shieldedInstanceConfig", object("enableSecureBoot", true), "upgradeSettings", object("maxSurge", 0.0)))
	require.NoError(t, err)
	assert.Equal(t, pool.Outputs, updated.Outputs)
	autopilot := Merge(clusterKind, nil, Values{"enableAutopilot": true}, nil)
	assert.NotContains(t, autopilot, "enableShieldedNodes", "no default beside what it conflicts with")
}

// The provider neither replaces the pool nor updates the property.
func TestAnUpdateDoesNotTouchAPoolsTopology(t *testing.T) {
	c, fake := open(t, stateFile(t))
	withCluster(t, c)
	pool := create(t, c, nodePoolKind, slice())
	inputs := slice("placementPolicy.type", "COMPACT", "placementPolicy.tpuTopology", "2x2x4")
	for range 2 {
		r, err := c.Update(context.Background(), nodePoolKind, pool.ID, inputs, ofProgram...)
		require.NoError(t, err)
		left, err := Diff(nodePoolKind, r.Outputs, inputs, ofProgram)
		require.NoError(t, err)
		assert.Equal(t, []Change{{"placementPolicy.tpuTopology", false}, {"placementPolicy.type", false}}, left)
	}
	assert.Len(t, fake.nodes["c/slice"], 2)
	assert.Equal(t, "2x2x2", fake.nodes["c/slice"][0].Labels[topology.TopologyLabel])
}

func TestAnUpdateKeepsIgnoredProperties(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	pool := create(t, c, nodePoolKind, slice("nodeConfig.kubeletConfig", object("cpuManagerPolicy", "static")))
	r, err := c.Update(context.Background(), nodePoolKind, pool.ID, slice("nodeCount", 2.0, "nodeConfig.kubeletConfig", object("cpuManagerPolicy", "none")), ofProgram...)
	require.NoError(t, err)
	assert.Equal(t, "static", r.Outputs.at("nodeConfig.kubeletConfig.cpuManagerPolicy"))
	assert.InDelta(t, 1, r.Outputs.at("nodeConfig.advancedMachineFeatures.threadsPerCore"), 0)
}

func TestGooglesValuesRemainWhenTheProgramOmitsThem(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	inputs := clusterValues()
	inputs["addonsConfig"], inputs["secretManagerConfig"] = object("gcsFuseCsiDriverConfig", object("enabled", true)), object("enabled", true)
	_, err := c.Update(context.Background(), clusterKind, clusterID, inputs)
	require.NoError(t, err)
	_, err = c.Update(context.Background(), clusterKind, clusterID, clusterValues())
	require.NoError(t, err)
	assert.True(t, c.FuseEnabled("c"), "the schema says that Google fills it in")
	assert.False(t, c.SecretManagerEnabled("c"))
}

func TestNodesAreRecreatedInPlace(t *testing.T) {
	cpu := func(set ...any) Values {
		return slice(append([]any{
			"name", "system", "nodeConfig", object("machineType", "e2-standard-8", "diskType", "pd-balanced", "diskSizeGb", 100.0),
			"nodeCount", 3.0, "placementPolicy", nil, "upgradeSettings", object("maxSurge", 1.0, "maxUnavailable", 0.0),
		}, set...)...)
	}
	for name, test := range map[string]struct {
		from, to Values
		steps    []string
	}{
		"a slice goes and comes as one":        {slice(), slice("nodeConfig.diskType", "hyperdisk-balanced-high-availability"), []string{"0 kept of 2, 0 new", "0 kept of 0, 2 new"}},
		"a slice's labels change on its nodes": {slice(), slice("nodeConfig.resourceLabels", object("team", "ml")), []string{"2 kept of 2, 0 new"}},
		"a kernel setting does not":            {slice(), slice("nodeConfig.linuxNodeConfig", object("sysctls", object("vm.max_map_count", "1"))), []string{"0 kept of 2, 0 new", "0 kept of 0, 2 new"}},
		"with a spare node":                    {cpu(), cpu("nodeConfig.machineType", "e2-standard-16"), []string{"3 kept of 3, 1 new", "3 kept of 4, 0 new", "3 kept of 3, 1 new", "3 kept of 4, 0 new", "3 kept of 3, 1 new", "3 kept of 4, 0 new", "3 kept of 3, 0 new"}},
		"without one": {
			cpu("nodeCount", 2.0, "upgradeSettings", object("maxSurge", 0.0, "maxUnavailable", 1.0)),
			cpu("nodeCount", 2.0, "nodeConfig.diskSizeGb", 200.0, "upgradeSettings", object("maxSurge", 0.0, "maxUnavailable", 1.0)),
			[]string{"1 kept of 2, 0 new", "1 kept of 1, 1 new", "1 kept of 2, 0 new", "1 kept of 1, 1 new", "2 kept of 2, 0 new"},
		},
		"flex-start nodes stay until they go": {
			slice("nodeConfig.flexStart", true, "nodeConfig.spot", false, "nodeCount", nil, "nodeConfig.reservationAffinity", object("consumeReservationType", "NO_RESERVATION"), "autoscaling", object("maxNodeCount", 2.0)),
			slice("nodeConfig.flexStart", true, "nodeConfig.spot", false, "nodeCount", nil, "nodeConfig.reservationAffinity", object("consumeReservationType", "NO_RESERVATION"), "autoscaling", object("maxNodeCount", 2.0), "nodeConfig.diskSizeGb", 300.0),
			[]string{"2 kept of 2, 0 new"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, fake := open(t, stateFile(t))
			withCluster(t, c)
			pool := create(t, c, nodePoolKind, test.from)
			if test.from["autoscaling"] != nil {
				grow(t, c, map[string]string{topology.AcceleratorLabel: topology.Accelerator})
			}
			fake.steps = nil
			_, err := c.Update(context.Background(), nodePoolKind, pool.ID, test.to, ofProgram...)
			require.NoError(t, err)
			assert.Equal(t, test.steps, fake.steps)
		})
	}
}

func TestARefusedUpdateChangesNothing(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	pool := create(t, c, nodePoolKind, slice())
	_, err := c.Update(context.Background(), nodePoolKind, pool.ID, slice("nodeCount", 3.0))
	require.ErrorContains(t, err, "it needs 2")
	found, err := c.Read(nodePoolKind, pool.ID)
	require.NoError(t, err)
	assert.Equal(t, pool, found)
}

func TestARangeThatAClusterUsesCannotBeChanged(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	subnet := func(ranges ...any) Values {
		return Values{"project": "p", "name": "n", "region": "us-central1", "network": networkID, "secondaryIpRanges": ranges}
	}
	pods, other := object("rangeName", "pods", "ipCidrRange", "10.4.0.0/14"), object("rangeName", "other", "ipCidrRange", "10.99.0.0/20")
	_, err := c.Update(context.Background(), subnetKind, subnetID, subnet(object("rangeName", "pods", "ipCidrRange", "10.96.0.0/14")))
	require.ErrorContains(t, err, "The secondary range 'pods' of '"+subnetID+"' is already being used by '"+clusterID+"'")
	_, err = c.Update(context.Background(), subnetKind, subnetID, subnet(other))
	require.ErrorContains(t, err, "is already being used")
	_, err = c.Update(context.Background(), subnetKind, subnetID, subnet(pods, other))
	require.NoError(t, err)
	_, err = c.Update(context.Background(), subnetKind, subnetID, subnet(pods))
	require.NoError(t, err, "nobody uses it")
}

// The provider patches a policy of the new name, which does not exist.
func TestAPolicyCannotBeRenamed(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	const id = "projects/p/regions/us-central1/resourcePolicies/policy"
	renamed := policyValues()
	renamed["name"] = "other"
	_, err := c.Update(context.Background(), policyKind, id, renamed)
	require.EqualError(t, err, `Error updating ResourcePolicy "`+id+`": googleapi: Error 404: The resource 'projects/p/regions/us-central1/resourcePolicies/other' was not found, notFound`)
}

func TestAControlPlaneIsNeverOlderThanTheRequestedVersion(t *testing.T) {
	for name, test := range map[string]struct{ current, wanted, want string }{
		"nothing asked for":        {"", "", channelVersion},
		"a minor version":          {"", "1.35", "1.35.2-gke.2037000"},
		"an older one":             {"", "1.34.0-gke.2201000", channelVersion},
		"an older minor version":   {"", "1.33", channelVersion},
		"a full version":           {"", "1.36.0-gke.1000000", "1.36.0-gke.1000000"},
		"an upgrade":               {"1.35.2-gke.2037000", "1.36.0-gke.1000000", "1.36.0-gke.1000000"},
		"no downgrade":             {"1.36.0-gke.1000000", "1.35", "1.36.0-gke.1000000"},
		"ten is more than nine":    {"1.34.9-gke.1", "1.34.10-gke.1", "1.34.10-gke.1"},
		"no longer asked for":      {"1.36.0-gke.1000000", "", "1.36.0-gke.1000000"},
		"the build of one version": {"1.35.2-gke.1", "1.35.2-gke.2", "1.35.2-gke.2"},
	} {
		assert.Equal(t, test.want, versionFor(test.current, test.wanted), name)
	}
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	r, err := c.Read(clusterKind, clusterID)
	require.NoError(t, err)
	assert.Equal(t, "1.35.2-gke.2037000", r.Outputs["masterVersion"])
	inputs := clusterValues()
	inputs["minMasterVersion"] = "1.36.1-gke.5"
	r, err = c.Update(context.Background(), clusterKind, clusterID, inputs)
	require.NoError(t, err)
	assert.Equal(t, "1.36.1-gke.5", r.Outputs["masterVersion"])
}

func TestTheSizeOfAMachine(t *testing.T) {
	for machine, want := range map[string][2]string{
		"e2-standard-8": {"8", "32Gi"}, "n2-highmem-16": {"16", "128Gi"}, "c3-highcpu-22": {"22", "22Gi"},
	} {
		cpus, memory := cpuSize(machine)
		assert.Equal(t, want, [2]string{cpus, memory}, machine)
	}
}
