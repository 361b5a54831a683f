package cloud

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNamesAreUnique(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	_, err := c.Create(context.Background(), policyKind, policyValues())
	require.EqualError(t, err, "googleapi: Error 409: The resource 'projects/p/regions/us-central1/resourcePolicies/policy' already exists, alreadyExists")
	member := Values{"project": "p", "role": "r", "member": "m"}
	create(t, c, projectIAMKind, member)
	create(t, c, projectIAMKind, member) // two stacks may grant the same
}

func TestResourcesInUseCannotBeDeleted(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	create(t, c, nodePoolKind, slice())
	for typ, id := range map[string]string{
		networkKind: networkID, subnetKind: subnetID, policyKind: "projects/p/regions/us-central1/resourcePolicies/policy",
	} {
		require.ErrorContains(t, c.Delete(context.Background(), typ, id), "resourceInUseByAnotherResource")
	}
	require.NoError(t, c.Delete(context.Background(), nodePoolKind, clusterID+"/nodePools/none"), "gone already")
}

func TestDeletingAClusterDeletesItsNodePools(t *testing.T) {
	c, fake := open(t, stateFile(t))
	withCluster(t, c)
	pool := create(t, c, nodePoolKind, slice())
	require.NoError(t, c.Delete(context.Background(), clusterKind, clusterID))
	assert.Empty(t, fake.specs)
	gone, err := c.Read(nodePoolKind, pool.ID)
	require.NoError(t, err)
	assert.Nil(t, gone)
	require.NoError(t, c.Delete(context.Background(), policyKind, "projects/p/regions/us-central1/resourcePolicies/policy"), "no slice uses it")
}

func TestDeletionProtectionHolds(t *testing.T) {
	c, fake := open(t, stateFile(t))
	withCluster(t, c)
	protected := clusterValues()
	protected["deletionProtection"] = true
	_, err := c.Update(context.Background(), clusterKind, clusterID, protected)
	require.NoError(t, err)
	require.ErrorContains(t, c.Delete(context.Background(), clusterKind, clusterID), "deletion_protection is set to true")
	assert.Contains(t, fake.specs, "c")
	_, err = c.Update(context.Background(), clusterKind, clusterID, clusterValues())
	require.NoError(t, err)
	require.NoError(t, c.Delete(context.Background(), clusterKind, clusterID))
	assert.Empty(t, fake.specs)
}

func TestAnUpdateKeepsGooglesValues(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	inputs := clusterValues()
	inputs["minMasterVersion"] = "1.36"
	r, err := c.Update(context.Background(), clusterKind, clusterID, inputs)
	require.NoError(t, err)
	assert.Equal(t, "1.36", r.Outputs["minMasterVersion"])
	assert.Equal(t, "127.0.0.1:6443", r.Outputs.text("controlPlaneEndpointsConfig.dnsEndpointConfig.endpoint"))
	delete(inputs, "minMasterVersion")
	r, err = c.Update(context.Background(), clusterKind, clusterID, inputs)
	require.NoError(t, err)
	assert.NotContains(t, r.Outputs, "minMasterVersion")
}

func TestStateSurvivesReopening(t *testing.T) {
	file := stateFile(t)
	c, _ := open(t, file)
	withCluster(t, c)
	create(t, c, nodePoolKind, slice())
	require.NoError(t, c.CreateDisk(Disk{Name: "d", Type: "hyperdisk-balanced", SizeGiB: 200}))
	before := c.Resources()

	again, fake := open(t, file)
	assert.Equal(t, before, again.Resources())
	assert.Contains(t, fake.specs, "c")
	assert.Len(t, fake.nodes["c/slice"], 2)
	require.NoError(t, again.DeleteDisk("d"))
	assert.Len(t, again.Resources(), len(before)-1)
}

func TestAStockoutLeavesThePoolInERRORWhateverIsUpdated(t *testing.T) {
	file := stateFile(t)
	c, fake := open(t, file)
	withCluster(t, c)
	c.SetFaults([]Fault{{Match: "slice", Text: "GCE_STOCKOUT", Times: 1}})
	named := policyValues()
	named["name"] = "slice-policy"
	create(t, c, policyKind, named) // policies need no capacity
	r, err := c.Create(context.Background(), nodePoolKind, slice())
	require.EqualError(t, err, `NodePool slice was created in the error state "ERROR"`)
	assert.Empty(t, fake.nodes["c/slice"])
	assert.InDelta(t, 2, r.Outputs["nodeCount"], 0, "the instance groups' target size, which the provider reads")

	_, err = c.Update(context.Background(), nodePoolKind, r.ID, slice("nodeConfig.resourceLabels", object("team", "ml")))
	require.NoError(t, err)
	assert.Empty(t, fake.nodes["c/slice"])
	_, again := open(t, file)
	assert.Empty(t, again.nodes["c/slice"], "after reopening")

	found, err := c.Read(nodePoolKind, r.ID)
	require.NoError(t, err)
	same, err := Diff(nodePoolKind, found.Outputs, slice("nodeConfig.resourceLabels", object("team", "ml")), []string{"nodeConfig.advancedMachineFeatures"})
	require.NoError(t, err)
	assert.Empty(t, same, "a refresh shows nothing of it")

	require.NoError(t, c.Delete(context.Background(), nodePoolKind, r.ID))
	create(t, c, nodePoolKind, slice())
	assert.Len(t, fake.nodes["c/slice"], 2)
}

func TestMissingQuotaCreatesNothing(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	c.SetFaults([]Fault{{Match: "slice", Text: "Quota 'TPUS_PER_TPU_FAMILY' exceeded. Limit: 0.0", Times: 1}})
	r, err := c.Create(context.Background(), nodePoolKind, slice())
	require.ErrorContains(t, err, "TPUS_PER_TPU_FAMILY")
	assert.Nil(t, r)
	create(t, c, nodePoolKind, slice())
}

func TestAnswersAreCopies(t *testing.T) {
	c, _ := open(t, stateFile(t))
	withCluster(t, c)
	in := slice()
	made := create(t, c, nodePoolKind, in)
	in.set("nodeConfig.spot", false)
	made.Outputs.set("nodeConfig.spot", false)
	found, err := c.Read(nodePoolKind, made.ID)
	require.NoError(t, err)
	assert.Equal(t, true, found.Inputs.at("nodeConfig.spot"))
	assert.Equal(t, true, found.Outputs.at("nodeConfig.spot"))

	var all sync.WaitGroup // for the race detector
	all.Go(func() {
		for range 20 {
			_, err := c.Update(context.Background(), nodePoolKind, made.ID, slice())
			assert.NoError(t, err)
		}
	})
	for range 200 {
		r, err := c.Read(nodePoolKind, made.ID)
		require.NoError(t, err)
		_, err = json.Marshal(r)
		require.NoError(t, err)
	}
	all.Wait()
}

func TestIdentitiesHaveTheirGrantedRoles(t *testing.T) {
	c, _ := open(t, stateFile(t))
	account := create(t, c, accountKind, Values{"project": "p", "accountId": "build"})
	email := account.Outputs.text("email")
	assert.Equal(t, "build@p.iam.gserviceaccount.com", email)
	_, err := c.WorkloadIdentityToken("p", "ns", "builder", email)
	require.ErrorContains(t, err, "iam.serviceAccounts.getAccessToken")
	binding := Values{
		"serviceAccountId": account.Outputs["name"], "role": "roles/iam.workloadIdentityUser", "member": "serviceAccount:p.svc.id.goog[ns/builder]",
	}
	_, err = c.Create(context.Background(), accountIAMKind, binding)
	require.ErrorContains(t, err, "Identity Pool does not exist (p.svc.id.goog)", "it comes with the first cluster")
	withCluster(t, c)
	create(t, c, accountIAMKind, binding)
	token, err := c.WorkloadIdentityToken("p", "ns", "builder", email)
	require.NoError(t, err)
	assert.Equal(t, email, Email(token))
	assert.Empty(t, Email("stolen"))
	assert.False(t, c.Expired(token))
	c.ExpireTokens(email)
	assert.True(t, c.Expired(token))
	fresh, err := c.WorkloadIdentityToken("p", "ns", "builder", email)
	require.NoError(t, err)
	assert.Equal(t, email, Email(fresh))
	assert.False(t, c.Expired(fresh))
	c.ExpireTokens("other@p")
	assert.False(t, c.Expired(fresh))
	_, err = c.WorkloadIdentityToken("p", "other", "builder", email)
	require.Error(t, err)

	const path = "us-central1-docker.pkg.dev/p/r"
	require.ErrorContains(t, c.RepositoryAllowed(email, path, true), "not found")
	create(t, c, repositoryKind, Values{
		"project": "p", "location": "us-central1", "repositoryId": "r", "format": "DOCKER", "dockerConfig": object("immutableTags", true),
	})
	require.ErrorContains(t, c.RepositoryAllowed(email, path, true), "uploadArtifacts")
	grant := Values{"project": "p", "location": "us-central1", "repository": "r", "role": "roles/artifactregistry.reader", "member": "serviceAccount:" + email}
	create(t, c, repoIAMKind, grant)
	require.NoError(t, c.RepositoryAllowed(email, path, false))
	require.ErrorContains(t, c.RepositoryAllowed(email, path, true), "uploadArtifacts", "a reader may not push")
	grant["role"] = "roles/artifactregistry.writer"
	create(t, c, repoIAMKind, grant)
	require.NoError(t, c.RepositoryAllowed(email, path, true))
	assert.True(t, c.ImmutableTags("p", "r"))
}

func TestUnknownTypesAreNamed(t *testing.T) {
	c, _ := open(t, stateFile(t))
	const typ = "gcp:sql/databaseInstance:DatabaseInstance"
	_, err := c.Create(context.Background(), typ, Values{})
	require.ErrorContains(t, err, "has no "+typ)
	_, err = c.Read(typ, "x")
	require.ErrorContains(t, err, "has no "+typ)
}

func TestInterruptedCreatesAreRemovedOnResume(t *testing.T) {
	file := stateFile(t)
	c, _ := open(t, file)
	withCluster(t, c)
	// The state that is on disk while a create is running.
	kind, err := kindOf(nodePoolKind)
	require.NoError(t, err)
	in := slice()
	require.NoError(t, c.reserve(kind, &Resource{Type: nodePoolKind, ID: kind.id(in), Inputs: in, Outputs: in.clone()}))
	other := clusterValues()
	other["name"] = "half"
	kind, err = kindOf(clusterKind)
	require.NoError(t, err)
	require.NoError(t, c.reserve(kind, &Resource{Type: clusterKind, ID: kind.id(other), Inputs: other, Outputs: other.clone()}))

	again, fake := open(t, file)
	assert.Contains(t, fake.specs, "c", "what was finished stays")
	assert.NotContains(t, fake.specs, "half")
	assert.Empty(t, fake.nodes["c/slice"])
	create(t, again, nodePoolKind, slice())
}

func TestTheHostsOfASliceAreRepairedTogether(t *testing.T) {
	c, fake := open(t, stateFile(t))
	withCluster(t, c)
	create(t, c, nodePoolKind, slice("management", object("autoRepair", true)))
	before := fake.nodes["c/slice"]
	require.NoError(t, c.RepairNode(context.Background(), before[1].Name))
	assert.Equal(t, []string{"c: " + before[0].Name + " " + before[1].Name}, fake.failed)
	assert.Equal(t, before, fake.nodes["c/slice"])
	require.ErrorContains(t, c.RepairNode(context.Background(), "other"), before[0].Name)

	fake.failed = nil
	create(t, c, nodePoolKind, slice("name", "cpu", "placementPolicy", nil, "nodeConfig.machineType", "e2-standard-8", "management", object("autoRepair", true)))
	node := fake.nodes["c/cpu"][1].Name
	require.NoError(t, c.RepairNode(context.Background(), node))
	assert.Equal(t, []string{"c: " + node}, fake.failed)
}

func TestFaultsAreUsedUpByKindAndNumber(t *testing.T) {
	c, _ := open(t, stateFile(t))
	c.SetFaults([]Fault{{On: "hub", Match: "org/m", Text: "no route", Times: 2}, {On: "bucket", Match: "b", Text: "quota", Times: 1}})
	assert.Empty(t, c.TakeFault("create", "org/m"))
	assert.Empty(t, c.TakeFault("hub", "org/other"))
	assert.Equal(t, "no route", c.TakeFault("hub", "org/m"))
	assert.Equal(t, "quota", c.TakeFault("bucket", "b"))
	assert.Equal(t, []Fault{{On: "hub", Match: "org/m", Text: "no route", Times: 1}}, c.Faults())
}
