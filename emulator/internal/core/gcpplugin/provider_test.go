package gcpplugin

import (
	"context"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/core/cloud"
)

var background = context.Background()

func TestAResourceIsCreatedReadUpdatedAndDeleted(t *testing.T) {
	p, google := started(t)
	made := create(t, p, clusterType, clusterInputs("1.35"))
	assert.Equal(t, "projects/p/locations/us-central1/clusters/c", made.GetId())
	assert.Equal(t, "127.0.0.1:6443", made.GetProperties().GetFields()["endpoint"].GetStringValue())

	read, err := p.Read(background, &pulumirpc.ReadRequest{Urn: urn(clusterType), Id: made.GetId()})
	require.NoError(t, err)
	assert.Equal(t, clusterInputs("1.35"), read.GetInputs().AsMap(), "enough to import")

	_, err = p.Update(background, &pulumirpc.UpdateRequest{Urn: urn(clusterType), Id: made.GetId(), Olds: made.GetProperties(), News: properties(t, clusterInputs("1.36"))})
	require.NoError(t, err)
	found, err := google.Read(clusterType, made.GetId())
	require.NoError(t, err)
	assert.Equal(t, "1.36", found.Inputs["minMasterVersion"])

	for range 2 { // the second time it is already deleted
		_, err = p.Delete(background, &pulumirpc.DeleteRequest{Urn: urn(clusterType), Id: made.GetId()})
		require.NoError(t, err)
	}
	read, err = p.Read(background, &pulumirpc.ReadRequest{Urn: urn(clusterType), Id: made.GetId()})
	require.NoError(t, err)
	assert.Empty(t, read.GetId(), "gone is no error to a refresh")
}

// If the program ignored changes of the property, it would fail after a refresh.
func TestARefreshReadsGKEsEncryptionStateAsAnInput(t *testing.T) {
	p, _ := started(t)
	in := clusterInputs("1.35")
	in["databaseEncryption"] = map[string]any{"state": "ENCRYPTED", "keyName": "k"}
	made := create(t, p, clusterType, in)
	read, err := p.Read(background, &pulumirpc.ReadRequest{Urn: urn(clusterType), Id: made.GetId()})
	require.NoError(t, err)
	checked, err := p.Check(background, &pulumirpc.CheckRequest{Urn: urn(clusterType), News: read.GetInputs()})
	require.NoError(t, err)
	require.Len(t, checked.GetFailures(), 1)
	assert.Contains(t, checked.GetFailures()[0].GetReason(), `expected database_encryption.0.state to be one of ["ENCRYPTED" "DECRYPTED"], got ALL_OBJECTS_ENCRYPTION_ENABLED`)
	checked, err = p.Check(background, &pulumirpc.CheckRequest{Urn: urn(clusterType), News: properties(t, in)})
	require.NoError(t, err)
	assert.Empty(t, checked.GetFailures(), "what the program says is right")
}

func TestAPreviewChangesNothing(t *testing.T) {
	p, google := started(t)
	_, err := p.Create(background, &pulumirpc.CreateRequest{Urn: urn(networkType), Preview: true, Properties: properties(t, map[string]any{"name": "n"})})
	require.NoError(t, err)
	assert.Empty(t, google.Resources())
}

// An unknown endpoint would make the kubeconfig and every object in the cluster unknown.
func TestAPreviewedUpdateKeepsGooglesValues(t *testing.T) {
	p, google := started(t)
	made := create(t, p, clusterType, clusterInputs("1.35"))
	inputs := clusterInputs("1.36")
	inputs["nodeVersion"] = plugin.UnknownStringValue
	updated, err := p.Update(background, &pulumirpc.UpdateRequest{
		Urn: urn(clusterType), Id: made.GetId(), Preview: true,
		Olds: made.GetProperties(), OldInputs: properties(t, clusterInputs("1.35")), News: properties(t, inputs),
	})
	require.NoError(t, err)
	got := updated.GetProperties().AsMap()
	assert.Equal(t, "127.0.0.1:6443", got["endpoint"])
	assert.Equal(t, map[string]any{"dnsEndpointConfig": map[string]any{"allowExternalTraffic": true, "endpoint": "127.0.0.1:6443"}}, got["controlPlaneEndpointsConfig"])
	assert.Equal(t, "1.36", got["minMasterVersion"])
	assert.Equal(t, plugin.UnknownStringValue, got["nodeVersion"])
	found, err := google.Read(clusterType, made.GetId())
	require.NoError(t, err)
	assert.Equal(t, "1.35", found.Inputs["minMasterVersion"])
}

func TestCheckFillsTheProjectAndNamesWhatIsMissing(t *testing.T) {
	p, _ := started(t)
	r, err := p.Check(background, &pulumirpc.CheckRequest{Urn: urn(accountType), News: properties(t, map[string]any{})})
	require.NoError(t, err)
	assert.Equal(t, "p", r.GetInputs().GetFields()["project"].GetStringValue())
	require.Len(t, r.GetFailures(), 1)
	assert.Equal(t, "accountId", r.GetFailures()[0].GetProperty())

	r, err = p.Check(background, &pulumirpc.CheckRequest{Urn: urn(accountType), News: properties(t, map[string]any{"accountId": plugin.UnknownStringValue})})
	require.NoError(t, err)
	assert.Empty(t, r.GetFailures(), "unknown is not missing")

	r, err = p.Check(background, &pulumirpc.CheckRequest{Urn: urn(poolType), News: properties(t, map[string]any{
		"name": "n", "cluster": "c", "placementPolicy": map[string]any{"policyName": "p", "typ": ""},
	})})
	require.NoError(t, err)
	require.Len(t, r.GetFailures(), 2)
	assert.Equal(t, "Invalid or unknown key. Examine values at 'name.placementPolicy.typ'.", r.GetFailures()[0].GetReason())
	assert.Equal(t, "Missing required property 'placementPolicy.type'", r.GetFailures()[1].GetReason())

	r, err = p.Check(background, &pulumirpc.CheckRequest{Urn: urn(memberType), News: properties(t, map[string]any{"bucket": "b", "role": "r", "member": "m"})})
	require.NoError(t, err)
	assert.Empty(t, r.GetFailures())
	assert.NotContains(t, r.GetInputs().GetFields(), "project", "the schema has none")

	p.defaults["project"] = ""
	r, err = p.Check(background, &pulumirpc.CheckRequest{Urn: urn(networkType), News: properties(t, map[string]any{"name": "n"})})
	require.NoError(t, err)
	require.Len(t, r.GetFailures(), 1)
	assert.Contains(t, r.GetFailures()[0].GetReason(), "project: required field is not set")
}

func TestDiffDistinguishesUpdatesFromReplacements(t *testing.T) {
	old := map[string]any{
		"name": "s", "cluster": "c", "nodeCount": 2.0,
		"nodeConfig": map[string]any{"machineType": "tpu7x-standard-4t", "spot": true},
	}
	state := map[string]any{
		"name": "s", "cluster": "c", "nodeCount": 2.0, "id": "x",
		"nodeConfig": map[string]any{"machineType": "tpu7x-standard-4t", "spot": true, "advancedMachineFeatures": map[string]any{"threadsPerCore": 1.0}},
	}
	ignored := []string{"nodeConfig.advancedMachineFeatures"}
	for name, test := range map[string]struct {
		change   map[string]any
		ignored  []string
		diffs    []string
		replaces []string
	}{
		"nothing":           {nil, ignored, nil, nil},
		"written back":      {nil, nil, []string{"nodeConfig"}, []string{"nodeConfig"}},
		"in place":          {map[string]any{"nodeCount": 3.0}, ignored, []string{"nodeCount"}, nil},
		"replacement":       {map[string]any{"name": "t"}, ignored, []string{"name"}, []string{"name"}},
		"ignored":           {map[string]any{"nodeCount": 3.0}, append(ignored, "nodeCount"), nil, nil},
		"unknown, in place": {map[string]any{"nodeCount": plugin.UnknownStringValue}, ignored, []string{"nodeCount"}, nil},
		"unknown, fixed":    {map[string]any{"cluster": plugin.UnknownStringValue}, ignored, []string{"cluster"}, []string{"cluster"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := started(t)
			inputs := map[string]any{}
			for key, value := range old {
				inputs[key] = value
			}
			for key, value := range test.change {
				inputs[key] = value
			}
			r, err := p.Diff(background, &pulumirpc.DiffRequest{
				Urn: urn(poolType), Olds: properties(t, state), OldInputs: properties(t, old), News: properties(t, inputs), IgnoreChanges: test.ignored,
			})
			require.NoError(t, err)
			assert.Equal(t, test.diffs, r.GetDiffs())
			assert.Equal(t, test.replaces, r.GetReplaces())
			assert.Equal(t, len(test.replaces) > 0, r.GetDeleteBeforeReplace(), "its name is the program's")
			assert.Equal(t, len(test.diffs) > 0, r.GetChanges() == pulumirpc.DiffResponse_DIFF_SOME)
		})
	}
}

func TestAnotherProjectIsAnotherProvider(t *testing.T) {
	p, _ := started(t)
	r, err := p.DiffConfig(background, &pulumirpc.DiffRequest{
		Olds: properties(t, map[string]any{"project": "p", "zone": "a"}), News: properties(t, map[string]any{"project": "q", "zone": "b"}),
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"project", "zone"}, r.GetDiffs())
	assert.Equal(t, []string{"project"}, r.GetReplaces())
}

// Without a difference, the bridge returns the state unchanged, so a pool in ERROR stays in
// ERROR.
func TestAPoolInERRORReachesTheStateAndIsNotRepaired(t *testing.T) {
	p, google := started(t)
	made := create(t, p, clusterType, clusterInputs("1.35"))
	google.SetFaults([]cloud.Fault{{Match: "slice", Text: "GCE_STOCKOUT", Times: 1}})
	pool := map[string]any{
		"name": "slice", "cluster": made.GetId(), "nodeConfig": map[string]any{"machineType": "e2-standard-8"}, "nodeCount": 2.0,
	}
	_, err := p.Create(background, &pulumirpc.CreateRequest{Urn: urn(poolType), Properties: properties(t, pool)})
	require.ErrorContains(t, err, "creating "+urn(poolType)+`: NodePool slice was created in the error state "ERROR"`)
	details := rpcerror.Convert(err).Details()
	require.Len(t, details, 1)
	failed, ok := details[0].(*pulumirpc.ErrorResourceInitFailed)
	require.True(t, ok)
	assert.Equal(t, made.GetId()+"/nodePools/slice", failed.GetId())

	diff, err := p.Diff(background, &pulumirpc.DiffRequest{Urn: urn(poolType), Olds: failed.GetProperties(), News: properties(t, pool)})
	require.NoError(t, err)
	assert.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, diff.GetChanges())
	updated, err := p.Update(background, &pulumirpc.UpdateRequest{Urn: urn(poolType), Id: failed.GetId(), Olds: failed.GetProperties(), News: properties(t, pool)})
	require.NoError(t, err)
	assert.Equal(t, failed.GetProperties().AsMap(), updated.GetProperties().AsMap())
	found, err := google.Read(poolType, failed.GetId())
	require.NoError(t, err)
	assert.NotNil(t, found)
	require.ErrorContains(t, google.RepairNode(background, "any"), "there is no node", "it has no nodes")

	read, err := p.Read(background, &pulumirpc.ReadRequest{Urn: urn(poolType), Id: failed.GetId(), Properties: failed.GetProperties()})
	require.NoError(t, err)
	assert.Equal(t, failed.GetProperties().AsMap(), read.GetProperties().AsMap(), "a refresh finds nothing wrong")
}

func TestUpdatingAMissingResourceIsAnError(t *testing.T) {
	p, _ := started(t)
	inputs := properties(t, clusterInputs("1.35"))
	_, err := p.Update(background, &pulumirpc.UpdateRequest{Urn: urn(clusterType), Id: "projects/p/locations/us-central1/clusters/c", Olds: inputs, News: inputs})
	require.ErrorContains(t, err, "Resource provider reported that the resource did not exist while updating")
}

func TestUnknownValuesHavePulumisMark(t *testing.T) {
	assert.Equal(t, plugin.UnknownStringValue, cloud.Unknown)
}

func TestAnUnknownTypeIsNamed(t *testing.T) {
	p, _ := started(t)
	const typ = "gcp:sql/databaseInstance:DatabaseInstance"
	_, err := p.Check(background, &pulumirpc.CheckRequest{Urn: urn(typ), News: properties(t, map[string]any{})})
	require.ErrorContains(t, err, "the emulated Google Cloud has no "+typ)
	_, err = p.Read(background, &pulumirpc.ReadRequest{Urn: urn(typ), Id: "x"})
	require.ErrorContains(t, err, "has no "+typ)
	_, err = p.Invoke(background, &pulumirpc.InvokeRequest{Tok: "gcp:compute/getZones:getZones"})
	require.ErrorContains(t, err, "has no function gcp:compute/getZones:getZones")
}

func TestALookupAnswersInTheFormOfTheSDK(t *testing.T) {
	p, _ := started(t)
	create(t, p, clusterType, clusterInputs("1.35"))
	answer, err := p.Invoke(background, &pulumirpc.InvokeRequest{
		Tok: "gcp:container/getCluster:getCluster", Args: properties(t, map[string]any{"name": "c", "location": "us-central1"}),
	})
	require.NoError(t, err)
	described := answer.GetReturn().AsMap()
	assert.Equal(t, "projects/p/locations/us-central1/clusters/c", described["id"], "of the provider's project")
	assert.Equal(t, []any{map[string]any{"dnsEndpointConfigs": []any{map[string]any{"allowExternalTraffic": true, "endpoint": "127.0.0.1:6443"}}, "ipEndpointsConfigs": []any{}}},
		described["controlPlaneEndpointsConfigs"])
	_, err = p.Invoke(background, &pulumirpc.InvokeRequest{
		Tok: "gcp:container/getCluster:getCluster", Args: properties(t, map[string]any{"name": "d", "location": "us-central1"}),
	})
	require.EqualError(t, err, "projects/p/locations/us-central1/clusters/d not found")
}

func TestACloudThatIsNotRunningSaysHowToStartIt(t *testing.T) {
	p := newProvider(t.TempDir() + "/none")
	_, err := p.Read(background, &pulumirpc.ReadRequest{Urn: urn(networkType), Id: "x"})
	require.ErrorContains(t, err, "bin/emulator start")
}

// ReplaceOnChanges with "#initerror" cannot distinguish this from a failed create.
func TestAnUpdateThatFailsMarksTheResourceAsABridgedProviderDoes(t *testing.T) {
	p, google := started(t)
	made := create(t, p, clusterType, clusterInputs("1.35"))
	google.SetFaults([]cloud.Fault{{On: "update", Match: "clusters", Text: "googleapi: Error 503: The service is currently unavailable., backendError", Times: 1}})
	_, err := p.Update(background, &pulumirpc.UpdateRequest{
		Urn: urn(clusterType), Id: made.GetId(), Olds: made.GetProperties(),
		OldInputs: properties(t, clusterInputs("1.35")), News: properties(t, clusterInputs("1.36")),
	})
	require.ErrorContains(t, err, "updating "+urn(clusterType)+": googleapi: Error 503")
	failed, ok := rpcerror.Convert(err).Details()[0].(*pulumirpc.ErrorResourceInitFailed)
	require.True(t, ok)
	assert.Equal(t, made.GetId(), failed.GetId())
	assert.Equal(t, made.GetProperties().AsMap(), failed.GetProperties().AsMap(), "nothing has changed")
	assert.Equal(t, "1.35", failed.GetInputs().AsMap()["minMasterVersion"])
}

func TestACancelledCreateReportsTheResourceToTheEngine(t *testing.T) {
	p, _ := started(t)
	_, err := p.Cancel(background, nil)
	require.NoError(t, err)
	_, err = p.Create(background, &pulumirpc.CreateRequest{Urn: urn(networkType), Properties: properties(t, map[string]any{"project": "p", "name": "n"})})
	require.Error(t, err)
	failed, ok := rpcerror.Convert(err).Details()[0].(*pulumirpc.ErrorResourceInitFailed)
	require.True(t, ok)
	assert.Equal(t, "projects/p/global/networks/n", failed.GetId())
}

// The provider stores the operation, and the next update continues with it.
func TestACancelledNodePoolIsNoError(t *testing.T) {
	p, _ := started(t)
	_, err := p.Cancel(background, nil)
	require.NoError(t, err)
	r, err := p.Create(background, &pulumirpc.CreateRequest{Urn: urn(poolType), Properties: properties(t, map[string]any{"name": "s", "cluster": "c"})})
	require.NoError(t, err)
	assert.Equal(t, "c/nodePools/s", r.GetId())
	assert.NotEmpty(t, r.GetProperties().GetFields()["operation"].GetStringValue())
}
