package faults

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const prefix = "urn:pulumi:dev::sglang-tpu::"

func deployment() *apitype.DeploymentV3 {
	custom := func(urn, id string, outputs map[string]any, waits ...resource.URN) apitype.ResourceV3 {
		u := resource.URN(prefix + urn)
		return apitype.ResourceV3{URN: u, Type: u.Type(), ID: resource.ID(id), Custom: true, Outputs: outputs, Inputs: outputs, Dependencies: waits}
	}
	network := custom("gcp:compute/network:Network::network", "n", map[string]any{"name": "n", "routingMode": "REGIONAL", "project": "p"})
	policy := custom("gcp:compute/resourcePolicy:ResourcePolicy::policy", "r", map[string]any{"name": "r", "region": "x", "project": "p"})
	subnet := custom("gcp:compute/subnetwork:Subnetwork::subnet", "s", map[string]any{"name": "s"}, network.URN)
	provider := custom("pulumi:providers:kubernetes::k", "1", nil, subnet.URN)
	account := custom("kubernetes:core/v1:ServiceAccount::account", "ns/a", map[string]any{
		"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": "a", "namespace": "ns", "labels": map[string]any{"x": "y"}},
	})
	account.Provider = string(provider.URN) + "::1"
	return &apitype.DeploymentV3{Resources: []apitype.ResourceV3{network, policy, subnet, provider, account}}
}

func named(t *testing.T, all []*target, name string) *target {
	t.Helper()
	for _, found := range all {
		if found.urn.Name() == name {
			return found
		}
	}
	require.Fail(t, "no target "+name)
	return nil
}

func TestTargetsAreResourcesOfProviders(t *testing.T) {
	all, err := targets(deployment())
	require.NoError(t, err)
	require.Len(t, all, 4, "a provider is not kept anywhere else")
	account := named(t, all, "account")
	assert.Equal(t, "/api/v1/namespaces/ns/serviceaccounts/a", account.key)
	assert.Equal(t, "gcp:compute/network:Network n", named(t, all, "network").key)
	assert.True(t, named(t, all, "network").updateable)
	assert.False(t, named(t, all, "policy").updateable, "every change replaces it")
}

func TestScenariosContainEachSelectedCellOnce(t *testing.T) {
	all, err := targets(deployment())
	require.NoError(t, err)
	found := cells(all, rand.New(rand.NewPCG(1, 1)))
	seen := map[string]int{}
	for _, s := range scenarios(found, rand.New(rand.NewPCG(1, 2)), 0) {
		for _, c := range s {
			assert.Equal(t, s.String(), scenario{c}.String())
			seen[c.String()]++
		}
	}
	assert.Len(t, seen, len(found))
	for cell, times := range seen {
		assert.Equal(t, 1, times, cell)
	}
	for _, s := range scenarios(found, rand.New(rand.NewPCG(1, 2)), 2) {
		assert.LessOrEqual(t, len(s), 2)
	}
}

func TestTheSameSeedDrawsTheSame(t *testing.T) {
	all, err := targets(deployment())
	require.NoError(t, err)
	draw := func(seed uint64) (texts []string) {
		for _, c := range cells(all, rand.New(rand.NewPCG(seed, 1))) {
			texts = append(texts, c.String())
		}
		return texts
	}
	assert.Equal(t, draw(7), draw(7))
	assert.NotEqual(t, draw(7), draw(8))
}

func TestAnInventoryNamesMissingAndDuplicateResources(t *testing.T) {
	was := inventory{state: map[string]string{"urn:a": "1"}, cloud: []string{"x 1"}, objects: []string{"Job a/b"}}
	assert.Empty(t, was.difference(was))
	now := inventory{state: map[string]string{"urn:a": "2"}, cloud: []string{"x 1", "x 2"}}
	difference := was.difference(now)
	for _, part := range []string{"the state lacks urn:a 1", "the state has besides urn:a 2", "the cloud has besides x 2", "the cluster lacks Job a/b"} {
		assert.Contains(t, difference, part)
	}
}

func TestRecreatedResourcesMayHaveNewGeneratedIDs(t *testing.T) {
	const (
		policy  = "gcp:monitoring/alertPolicy:AlertPolicy"
		network = "gcp:compute/network:Network"
		a       = "urn:pulumi:dev::sglang-tpu::" + policy + "::a"
		n       = "urn:pulumi:dev::sglang-tpu::" + network + "::n"
	)
	was := inventory{state: map[string]string{a: "p/1", n: "net"}, cloud: []string{network + " net", policy + " p/1"}}
	assert.Empty(t, was.difference(inventory{state: map[string]string{a: "p/2", n: "net"}, cloud: []string{network + " net", policy + " p/2"}}))
	assert.Contains(t, was.difference(inventory{state: was.state, cloud: []string{network + " net", policy + " p/1", policy + " p/2"}}), "the cloud has besides "+policy+" number 2")
	assert.Contains(t, was.difference(inventory{state: map[string]string{n: "net"}, cloud: []string{network + " net"}}), "the state lacks "+a)
	assert.Contains(t, was.difference(inventory{state: map[string]string{a: "p/1", n: "other"}, cloud: was.cloud}), "the state lacks "+n+" net")
}

func TestFurtherRequestsAreAwaitedAsLongAsTheFirstWithinBounds(t *testing.T) {
	for first, want := range map[time.Duration]time.Duration{
		0: 1500 * time.Millisecond, 2 * time.Second: 2 * time.Second, time.Minute: 4 * time.Second,
	} {
		assert.Equal(t, want, still(first), "the first after %s", first)
	}
}

func TestTheTailOfAnOutputContainsItsErrors(t *testing.T) {
	assert.Equal(t, "Diagnostics:\n  error: no", tail("Diagnostics:\n\n  error: no\n\nOutputs:\n  plan: 1\n\nResources:\n  1 errored\n"))
	assert.Equal(t, "error: no stack", tail("error: no stack\n"))
}
