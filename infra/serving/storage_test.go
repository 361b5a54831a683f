package serving

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/topology"
)

func TestAPodMountsTheBucketWithAFileCacheThatHoldsTheWeights(t *testing.T) {
	set := serve(t, nil).Get(t, setType, "serving")
	for _, role := range []string{"leader", "worker"} {
		pod := templates + role + "Template."
		assert.Equal(t, "true", set.Value(pod+`metadata.annotations["gke-gcsfuse/volumes"]`))
		assert.Equal(t, map[string]any{"name": "cache-volume", "csi": map[string]any{
			"driver": "gcsfuse.csi.storage.gke.io",
			"volumeAttributes": map[string]any{
				"bucketName": "p-cache",
				"mountOptions": "implicit-dirs,metadata-cache:ttl-secs:-1,metadata-cache:stat-cache-max-size-mb:-1,metadata-cache:type-cache-max-size-mb:-1," +
					"file-cache:max-size-mb:70656,file-cache:cache-file-for-range-read:true,file-cache:enable-parallel-downloads:true,read_ahead_kb=1024",
			},
		}}, set.Value(pod+"spec.volumes[1]"))
		assert.Equal(t, map[string]any{"name": "gke-gcsfuse-cache", "emptyDir": map[string]any{"medium": "Memory", "sizeLimit": "71Gi"}},
			set.Value(pod+"spec.volumes[2]"))
	}
}

func TestTheFileCacheLeavesTheServerItsMemory(t *testing.T) {
	for _, tc := range []struct{ weights, chips, want int }{{61, 4, 69}, {14, 1, 17}, {894, 4, 208}, {61, 1, 52}} {
		assert.Equal(t, tc.want, fileCacheGiB(tc.weights, tc.chips))
	}
	// Of a chip's 236 GiB: the server's request, the file cache, and a quarter of /dev/shm.
	assert.LessOrEqual(t, memoryGiBPerChip+fileCacheGiBPerChip+16, 236)
}

func TestADiskIsCreatedAndDeletedWithItsPod(t *testing.T) {
	graph := serve(t, onDisks)
	set := graph.Get(t, setType, "serving")
	const pod = templates + "workerTemplate."
	assert.Nil(t, set.Value(pod+"metadata.annotations"))
	assert.Equal(t, map[string]any{
		"accessModes":      []any{"ReadWriteOnce"},
		"storageClassName": "sglang-hyperdisk",
		"resources":        map[string]any{"requests": map[string]any{"storage": "200Gi"}},
	}, set.Value(pod+"spec.volumes[1].ephemeral.volumeClaimTemplate.spec"))
	assert.NotContains(t, environmentOf(set, "worker"), "HF_HUB_OFFLINE")
	assert.Empty(t, graph.OfType(jobType))
}

func TestCompiledCodeHasAFolderForEachOfItsInputs(t *testing.T) {
	folder := func(change func(*Args)) any {
		return environmentOf(serve(t, change).Get(t, setType, "serving"), "leader")["JAX_COMPILATION_CACHE_DIR"]
	}
	same := folder(nil)
	assert.Equal(t, same, folder(nil))
	assert.Equal(t, same, folder(func(a *Args) { a.Replicas, a.Ready = 3, 1 }), "groups share it")
	seen := map[any]string{same: "nothing"}
	for what, change := range map[string]func(*Args){
		"image":    func(a *Args) { a.Image = "other" },
		"model":    func(a *Args) { a.Arguments = arguments("org/other", "main") },
		"revision": func(a *Args) { a.Arguments = arguments("org/model", "v2") },
		"topology": func(a *Args) { a.Topology, _ = topology.Parse("2x2x4") },
		"plan": func(a *Args) {
			a.Arguments = arguments("org/model", "main", serverargs.Argument{Flag: "--dp-size", Values: []string{"4"}})
		},
	} {
		f := folder(change)
		assert.Empty(t, seen[f], "%s and %s", what, seen[f])
		seen[f] = what
	}
}
