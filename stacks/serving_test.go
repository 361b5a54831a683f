package stacks

import (
	"os"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/spec/topology"
)

const (
	clusterType  = "gcp:container/cluster:Cluster"
	nodePoolType = "gcp:container/nodePool:NodePool"
	policyType   = "gcp:compute/resourcePolicy:ResourcePolicy"
	secretType   = "kubernetes:core/v1:Secret"
	setType      = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
	token        = "hf_do_not_print"
)

func run(t *testing.T, values configtest.Values) *pulumitest.Graph {
	t.Helper()
	g, err := pulumitest.TryRun(new(Endpoint).Serving, values)
	require.NoError(t, err)
	return g
}

// waitsFor reports whether a resource is made after another one, and on destroy ends
// before it: by a dependency of its own, of a component around it, or of one of those.
func waitsFor(g *pulumitest.Graph, r pulumitest.Resource, other string) bool {
	registered := map[string]pulumitest.Resource{}
	for _, r := range g.All() {
		registered[r.Type+"::"+r.Name] = r
	}
	seen := map[string]bool{}
	var visit func(pulumitest.Resource) bool
	visit = func(r pulumitest.Resource) bool {
		// A provider is named by its URN and id, which the cut-up below does not mind.
		for _, urn := range append([]string{r.RPC.GetParent(), r.RPC.GetProvider()}, r.RPC.GetDependencies()...) {
			key := typeAndName(urn)
			if seen[key] {
				continue
			}
			seen[key] = true
			if next, ok := registered[key]; ok && (next.Name == other || visit(next)) {
				return true
			}
		}
		return false
	}
	return visit(r)
}

// typeAndName are the last two parts of urn:pulumi:stack::project::parent$type::name.
func typeAndName(urn string) string {
	parts := strings.Split(urn, "::")
	if len(parts) < 4 {
		return ""
	}
	return parts[2][strings.LastIndex(parts[2], "$")+1:] + "::" + parts[3]
}

func TestTheServerWaitsForAllThatItNeeds(t *testing.T) {
	t.Setenv(pulumi.EnvConfigSecretKeys, `["sglang-tpu:hfToken"]`)
	g := run(t, configtest.Minimal(t).With("sglang-tpu:replicas", "2", "sglang-tpu:hfToken", token))
	set := g.OfType(setType)
	require.Len(t, set, 1)
	for _, need := range []string{"lws", "slice-0", "slice-1", "image-build", "serving-hf-secret", "serving-namespace", "serving-download"} {
		assert.True(t, set[0].DependsOn(need), "the LeaderWorkerSet waits for %s", need)
	}
	needs := map[string][]string{
		"serving-service":  {"serving"},
		"serving":          {"cache", "cache-server"},
		"image-build":      {"image-writer", "image-layers-writer", "image-workload-identity", "cluster-system"},
		"serving-download": {"image-build", "cache", "cache-download", "serving-hf-secret", "cluster-system"},
		// IAM knows the pool of Workload Identity once there is a cluster.
		"image-workload-identity": {"cluster"},
		"cache-server":            {"cluster"},
		"lws":                     {"cluster-system"},
		"slice-0":                 {"slice-0-policy", "network-nat", "services-container"},
		"cluster":                 {"network-nat", "network-subnet", "cluster-nodes-role", "services-container"},
	}
	for _, r := range g.All() {
		if strings.HasPrefix(r.Type, "sglang-tpu:") {
			continue
		}
		for _, need := range needs[r.Name] {
			assert.True(t, waitsFor(g, r, need), "%s %s waits for %s", r.Type, r.Name, need)
		}
		delete(needs, r.Name)
	}
	assert.Empty(t, needs, "no such resource")
}

// What waits for no more than it needs is there, and its rights have reached all of Google,
// when what does wait comes.
func TestNothingWaitsForWhatItDoesNotNeed(t *testing.T) {
	const iam = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember "
	// While the first is being created, the others are registered.
	for resource, others := range map[string][]string{
		"gcp:compute/network:Network network": {
			"gcp:serviceaccount/account:Account cluster-nodes", "gcp:serviceaccount/account:Account image-builder",
			"gcp:storage/bucket:Bucket cache", "gcp:artifactregistry/repository:Repository registry", policyType + " slice-0-policy",
		},
		clusterType + " cluster": {iam + "registry-reader", iam + "image-writer", iam + "image-layers-writer"},
		nodePoolType + " cluster-system": {
			nodePoolType + " slice-0", "gcp:storage/bucketIAMMember:BucketIAMMember cache-server",
			"gcp:storage/bucketIAMMember:BucketIAMMember cache-download", "gcp:serviceaccount/iAMMember:IAMMember image-workload-identity",
		},
		nodePoolType + " slice-0": {
			"kubernetes:helm.sh/v4:Chart lws", "kubernetes:batch/v1:Job image-build", "kubernetes:batch/v1:Job serving-download",
			"kubernetes:apps/v1:Deployment monitoring-exporter", "gcp:monitoring/dashboard:Dashboard monitoring-dashboard",
		},
		"kubernetes:helm.sh/v4:Chart lws": {"kubernetes:batch/v1:Job image-build", "kubernetes:batch/v1:Job serving-download"},
		"kubernetes:batch/v1:Job image-build": {
			"kubernetes:helm.sh/v4:Chart lws", "kubernetes:core/v1:ServiceAccount serving-download-account",
			"gcp:monitoring/dashboard:Dashboard monitoring-dashboard",
		},
	} {
		t.Run(resource, func(t *testing.T) {
			g, err := pulumitest.TryRun(new(Endpoint).Serving, configtest.Minimal(t), pulumitest.During(resource, others...))
			require.NoError(t, err)
			assert.NotEmpty(t, g.All())
		})
	}
}

// On destroy the controller outlives the pods, whose deletion needs its webhooks. The rest of
// the namespace has nothing to do with it.
func TestOnlyTheLeaderWorkerSetAndItsDependentsWaitForTheController(t *testing.T) {
	g := run(t, configtest.Minimal(t).With("sglang-tpu:replicas", "2")) // with a budget
	for _, r := range g.All() {
		if !strings.HasPrefix(r.Type, "kubernetes:") || r.Parent() == "lws" {
			continue
		}
		after := r.Type == setType || r.Name == "serving-service" || r.Name == "serving-budget"
		assert.Equal(t, after, waitsFor(g, r, "lws"), "%s %s", r.Type, r.Name)
	}
}

// In a project in which nothing was ever made, the APIs are off.
func TestAllGoogleResourcesWaitForTheirAPI(t *testing.T) {
	for name, values := range map[string]configtest.Values{
		"build":  configtest.Minimal(t),
		"mirror": configtest.Minimal(t).With("sglang-tpu:image", `{"source":"mirror","version":"v0.1.0"}`),
		"token":  configtest.Minimal(t).With("sglang-tpu:hfTokenSecret", "projects/p/secrets/hf/versions/1"),
	} {
		t.Run(name, func(t *testing.T) {
			g := run(t, values)
			apis := g.OfType("gcp:projects/service:Service")
			require.NotEmpty(t, apis)
			for _, r := range g.All() {
				if !strings.HasPrefix(r.Type, "gcp:") || r.Type == "gcp:projects/service:Service" {
					continue
				}
				for _, api := range apis {
					assert.True(t, waitsFor(g, r, api.Name), "%s %s waits for %s", r.Type, r.Name, api.Name)
				}
			}
		})
	}
}

// Otherwise a lack of chips would keep the image from being built, and a replaced
// slice would cut Pulumi off from the cluster.
func TestOnlyTheServerWaitsForSlices(t *testing.T) {
	g := run(t, configtest.Minimal(t))
	for _, r := range g.All() {
		if strings.HasPrefix(r.Name, "slice-") || r.Type == setType || r.Name == "serving-service" {
			continue
		}
		assert.False(t, waitsFor(g, r, "slice-0"), "%s %s waits for the slice", r.Type, r.Name)
	}
	provider := g.Get(t, "pulumi:providers:kubernetes", "cluster")
	assert.True(t, provider.DependsOn("cluster-system"))
}

func TestPoolAndPodsNameTheSameTopology(t *testing.T) {
	for _, shape := range []string{"2x2x2", "2x2x4"} {
		t.Run(shape, func(t *testing.T) {
			g := run(t, configtest.Minimal(t).With("sglang-tpu:topology", shape))
			pool, set := g.Get(t, nodePoolType, "slice-0"), g.OfType(setType)[0]
			for _, role := range []string{"leaderTemplate", "workerTemplate"} {
				selector := "spec.leaderWorkerTemplate." + role + `.spec.nodeSelector["` + topology.TopologyLabel + `"]`
				assert.Equal(t, shape, set.Value(selector))
			}
			assert.Equal(t, shape, pool.Value("placementPolicy.tpuTopology"))
			assert.Equal(t, shape, g.Get(t, policyType, "slice-0-policy").Value("workloadPolicy.acceleratorTopology"))
			assert.Equal(t, pool.Value("nodeCount"), set.Value("spec.leaderWorkerTemplate.size"), "a pod on every host")
		})
	}
}

func TestEveryReplicaHasASliceOfItsOwn(t *testing.T) {
	for replicas, names := range map[string][]string{
		"0": nil,
		"2": {"sglang-tpu-test-slice-0", "sglang-tpu-test-slice-1"},
	} {
		g := run(t, configtest.Minimal(t).With("sglang-tpu:replicas", replicas))
		var pools []string
		for _, pool := range g.OfType(nodePoolType) {
			if pool.Name != "cluster-system" {
				pools = append(pools, pool.Value("name").(string))
			}
		}
		assert.ElementsMatch(t, names, pools)
	}
}

func TestNoResourceIsLeftToADefaultProvider(t *testing.T) {
	t.Setenv(pulumi.EnvConfigSecretKeys, `["sglang-tpu:hfToken"]`)
	g := run(t, configtest.Minimal(t).With("sglang-tpu:hfToken", token))
	for _, r := range g.All() {
		pkg, _, _ := strings.Cut(r.Type, ":")
		// The Chart is a component of the Kubernetes provider.
		switch provider := r.Provider(); pkg {
		case "gcp":
			assert.Equal(t, "google", provider, "%s %s", r.Type, r.Name)
		case "kubernetes":
			assert.Contains(t, []string{provider, r.ProviderOf(pkg)}, "cluster", "%s %s", r.Type, r.Name)
		}
	}
}

func TestTheTokenIsOnlyInItsSecret(t *testing.T) {
	t.Setenv(pulumi.EnvConfigSecretKeys, `["sglang-tpu:hfToken"]`)
	g := run(t, configtest.Minimal(t).With("sglang-tpu:hfToken", token))
	found := 0
	for _, r := range g.All() {
		if !strings.Contains(r.RPC.GetObject().String(), token) {
			continue
		}
		found++
		assert.Equal(t, secretType, r.Type, r.Name)
		assert.True(t, r.Secret("stringData.hf_api_token"))
	}
	assert.Equal(t, 1, found)
	assert.Empty(t, run(t, configtest.Minimal(t)).OfType(secretType), "without a token there is no secret")
}

func TestAPrebuiltImageNeedsNoRegistryAndNoBuild(t *testing.T) {
	const reference = "lmsysorg/sglang-jax:v0.1.0"
	g := run(t, configtest.Minimal(t).With("sglang-tpu:image", `{"source":"prebuilt","reference":"`+reference+`"}`))
	assert.Empty(t, g.OfType("gcp:artifactregistry/repository:Repository"))
	assert.NotContains(t, jobs(g), "image-build")
	assert.Equal(t, reference, g.OfType(setType)[0].Value("spec.leaderWorkerTemplate.leaderTemplate.spec.containers[0].image"))
}

func jobs(g *pulumitest.Graph) (names []string) {
	for _, job := range g.OfType("kubernetes:batch/v1:Job") {
		names = append(names, job.Name)
	}
	return names
}

func TestAMirroredImageIsPulledThroughTheCachingRepository(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for version, want := range map[string]string{
		"v0.1.0": "us-central1-docker.pkg.dev/my-project/sglang-tpu-test-mirror/lmsysorg/sglang-jax:v0.1.0",
		digest:   "us-central1-docker.pkg.dev/my-project/sglang-tpu-test-mirror/lmsysorg/sglang-jax@" + digest,
	} {
		g := run(t, configtest.Minimal(t).With("sglang-tpu:image", `{"source":"mirror","version":"`+version+`"}`))
		assert.Len(t, g.OfType("gcp:artifactregistry/repository:Repository"), 1)
		assert.NotContains(t, jobs(g), "image-build")
		set := g.OfType(setType)[0]
		assert.Equal(t, want, set.Value("spec.leaderWorkerTemplate.leaderTemplate.spec.containers[0].image"))
		assert.True(t, set.DependsOn("mirror-reader"))
	}
}

func TestWithDisksThereIsNoBucketAndEveryHostDownloads(t *testing.T) {
	t.Setenv(pulumi.EnvConfigSecretKeys, `["sglang-tpu:hfToken"]`)
	g := run(t, configtest.Minimal(t).With("sglang-tpu:hfToken", token, "sglang-tpu:cache", `{"mode":"disk"}`))
	assert.Empty(t, g.OfType("gcp:storage/bucket:Bucket"))
	assert.Equal(t, []string{"image-build"}, jobs(g))
	assert.True(t, g.OfType(setType)[0].DependsOn("serving-storage-class"))
}

func TestOnlyAnUnprotectedBucketIsDeletedWithItsContents(t *testing.T) {
	for protect, want := range map[string]bool{"true": false, "false": true} {
		g := run(t, configtest.Minimal(t).With("sglang-tpu:protect", protect))
		assert.Equal(t, want, g.Get(t, "gcp:storage/bucket:Bucket", "cache").Value("forceDestroy"))
	}
}

func TestProblemsAreReportedBeforeTheFirstResource(t *testing.T) {
	g, err := pulumitest.TryRun(new(Endpoint).Serving, configtest.Minimal(t).With("sglang-tpu:topology", "2x2", "sglang-tpu:replicas", "two"))
	require.ErrorContains(t, err, "sglang-tpu:topology")
	require.ErrorContains(t, err, "sglang-tpu:replicas")
	for _, r := range g.All() {
		assert.Equal(t, "pulumi:pulumi:Stack", r.Type, r.Name)
	}
}

func TestProblemsAreReportedWithTheLineInTheStacksFile(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("Pulumi.test.yaml", []byte("config:\n  gcp:zone: us-central1-c\n  sglang-tpu:topology: 2x2\n"), 0o600))
	_, err := pulumitest.TryRun(new(Endpoint).Serving, configtest.Minimal(t).With("sglang-tpu:topology", "2x2", "sglang-tpu:replicas", "-1"))
	require.ErrorContains(t, err, `Pulumi.test.yaml:3: config sglang-tpu:topology: "2x2" is not a tpu7x topology`)
	var refused Refused
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused, 2)
	for _, p := range refused {
		if p.Key == "sglang-tpu:replicas" {
			assert.Empty(t, p.At, "it is set elsewhere")
		}
	}
}
