package serving

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/spec/storage"
	"sglang-tpu/spec/topology"
)

const quotaType = "kubernetes:core/v1:ResourceQuota"

func TestInASharedClusterNamesAndChipsAreSeparate(t *testing.T) {
	own := serve(t, func(a *Args) { a.Storage = Storage{Disk: &storage.Disk{SizeGiB: 200}} })
	assert.Empty(t, own.OfType(quotaType))
	assert.Equal(t, "sglang-hyperdisk", own.Get(t, classType, "serving-storage-class").Value("metadata.name"))

	graph := serve(t, func(a *Args) {
		a.Shared, a.Replicas = true, 3
		a.Storage = Storage{Disk: &storage.Disk{SizeGiB: 200}}
		a.Slices = Slices{Labels: map[string]string{"owner": "one"}, Pools: []string{"a", "b", "c"}}
	})
	quota := graph.Get(t, quotaType, "serving-quota")
	assert.Equal(t, "24", quota.Value(`spec.hard["requests.google.com/tpu"]`), "three slices of eight chips")
	assert.Equal(t, "sglang", quota.Value("metadata.namespace"))
	class := graph.Get(t, classType, "serving-storage-class").Value("metadata.name")
	assert.Equal(t, "sglang-hyperdisk-sglang", class)
	set := graph.Get(t, setType, "serving")
	assert.True(t, set.DependsOn("serving-quota"))
	for _, template := range []string{"leaderTemplate.spec.", "workerTemplate.spec."} {
		at := func(path string) any { return set.Value(templates + template + path) }
		assert.Equal(t, "one", at("nodeSelector.owner"))
		assert.Equal(t, topology.Accelerator, at(`nodeSelector["`+topology.AcceleratorLabel+`"]`), "GKE's labels, too")
		const terms = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
		assert.Equal(t, []any{"a", "b", "c"}, at(terms+"[0].matchExpressions[0].values"))
		assert.Equal(t, class, at("volumes[1].ephemeral.volumeClaimTemplate.spec.storageClassName"))
	}
}

func TestAFolderOfABucketIsMountedByAllThatUseIt(t *testing.T) {
	graph := serve(t, func(a *Args) { a.Storage.Bucket.Prefix = "team-a/coder" })
	const options = "csi.volumeAttributes.mountOptions"
	for _, at := range []any{
		graph.Get(t, setType, "serving").Value(templates + "leaderTemplate.spec.volumes[1]." + options),
		graph.Get(t, jobType, "serving-download").Value("spec.template.spec.volumes[0]." + options),
	} {
		assert.Contains(t, at, "implicit-dirs,only-dir=team-a/coder")
	}
}
