package stacks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/pulumitest"
)

// base is the platform of another stack.
func base(change map[string]any) pulumitest.Option {
	platform := map[string]any{
		"project": configtest.Project, "region": "us-central1", "cluster": "sglang-tpu-base",
		"clusterId": "projects/my-project/locations/us-central1/clusters/sglang-tpu-base", "location": "us-central1",
		"kubeconfig": "{}", "workloadPool": "my-project.svc.id.goog", "nodeServiceAccount": "base-nodes@my-project.iam.gserviceaccount.com",
		"nodeTag": "sglang-tpu-base-node", "secretManager": true, "prometheus": true, "bucket": "base-bucket",
		"mirror":     "us-central1-docker.pkg.dev/my-project/sglang-tpu-base-mirror",
		"repository": "us-central1-docker.pkg.dev/my-project/sglang-tpu-base", "repositoryId": "sglang-tpu-base",
		"repositoryProject": "my-project", "repositoryLocation": "us-central1",
		"layers": "us-central1-docker.pkg.dev/my-project/sglang-tpu-base-layers", "layersId": "sglang-tpu-base-layers",
	}
	for key, value := range change {
		platform[key] = value
	}
	return stackBase(map[string]any{"platform": platform})
}

// stackBase is another stack by its outputs.
func stackBase(outputs map[string]any) pulumitest.Option {
	state := map[string]any{"name": "organization/sglang-tpu/base", "outputs": outputs, "secretOutputNames": []any{}}
	return func(g *pulumitest.Graph) {
		pulumitest.WithOutputs("pulumi:pulumi:StackReference", func(pulumitest.Resource) map[string]any { return state })(g)
		pulumitest.WithAnswer("pulumi:pulumi:readStackOutputs", func(map[string]any) (map[string]any, error) { return state, nil })(g)
	}
}

func onBase(t *testing.T) configtest.Values {
	t.Helper()
	return configtest.Minimal(t).With("sglang-tpu:layer", "endpoint", "sglang-tpu:platform", "organization/sglang-tpu/base")
}

func TestAPlatformHasNoEndpoint(t *testing.T) {
	g, err := pulumitest.TryRun(new(Endpoint).Serving, configtest.Minimal(t).With("sglang-tpu:layer", "platform"), pulumitest.WithStack("base"))
	require.NoError(t, err)
	assert.Len(t, g.OfType(clusterType), 1)
	assert.Equal(t, true, g.Get(t, clusterType, "cluster").Value("secretManagerConfig.enabled"), "some endpoint may want it")
	assert.Equal(t, []string{"cluster-system"}, resourceNames(g, nodePoolType))
	assert.ElementsMatch(t, []string{"lws-system"}, valuesOf(g, namespaceType, "metadata.name"))
	assert.ElementsMatch(t, []string{"sglang-tpu-base", "sglang-tpu-base-layers", "sglang-tpu-base-mirror"}, valuesOf(g, "gcp:artifactregistry/repository:Repository", "repositoryId"))
	assert.Len(t, g.OfType("gcp:storage/bucket:Bucket"), 1)
	assert.Empty(t, g.OfType(setType))
	assert.Empty(t, g.OfType("gcp:storage/bucketIAMMember:BucketIAMMember"))
}

func TestAnEndpointTakesThePlatformOfAnotherStack(t *testing.T) {
	g, err := pulumitest.TryRun(new(Endpoint).Serving, onBase(t), base(nil), pulumitest.WithStack("one"))
	require.NoError(t, err)
	for _, typ := range []string{clusterType, networkType, firewallType, "gcp:storage/bucket:Bucket", "gcp:artifactregistry/repository:Repository", "gcp:projects/iAMMember:IAMMember"} {
		assert.Empty(t, g.OfType(typ), typ)
	}
	pool := g.Get(t, nodePoolType, "slice-0")
	assert.Equal(t, "projects/my-project/locations/us-central1/clusters/sglang-tpu-base", pool.Value("cluster"))
	assert.Equal(t, "base-nodes@my-project.iam.gserviceaccount.com", pool.Value("nodeConfig.serviceAccount"))
	assert.Equal(t, "sglang-tpu-base-node", pool.Value("nodeConfig.tags[0]"))
	set := g.OfType(setType)[0]
	const leader = "spec.leaderWorkerTemplate.leaderTemplate.spec."
	assert.Contains(t, set.Value(leader+"containers[0].image"), "us-central1-docker.pkg.dev/my-project/sglang-tpu-base/sglang-jax:")
	assert.Equal(t, "base-bucket", set.Value(leader+"volumes[1].csi.volumeAttributes.bucketName"))
	assert.Contains(t, set.Value(leader+"volumes[1].csi.volumeAttributes.mountOptions"), "only-dir=one")
	assert.Equal(t, "sglang-tpu-base", g.Get(t, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "image-writer").Value("repository"))
}

// identity is what a resource is in the cloud or the cluster; empty for what all stacks
// share, and for what is in a namespace of its own.
func identity(r pulumitest.Resource) string {
	switch {
	case r.Type == "gcp:projects/service:Service", !strings.HasPrefix(r.Type, "gcp:") && !strings.HasPrefix(r.Type, "kubernetes:"):
		return ""
	case strings.HasPrefix(r.Type, "kubernetes:"):
		space, _ := r.Value("metadata.namespace").(string)
		name, _ := r.Value("metadata.name").(string)
		return r.Type + " " + space + "/" + name
	}
	id := r.Type
	for _, property := range []string{"cluster", "name", "accountId", "displayName", "dashboardJson", "bucket", "repository", "secretId", "serviceAccountId", "role", "member"} {
		if value, ok := r.Value(property).(string); ok {
			id += " " + value
		}
	}
	return id
}

// Neither in the project nor in the cluster two endpoints have anything of the same name.
func TestNothingOfTwoEndpointsOnAPlatformCollides(t *testing.T) {
	for name, values := range map[string]configtest.Values{
		"with a bucket":  onBase(t).With("sglang-tpu:hfTokenSecret", "projects/my-project/secrets/hub/versions/1"),
		"with fallbacks": onBase(t).With("sglang-tpu:capacityFallbacks", `[{"mode":"on-demand"},{"mode":"flex-start"}]`, "sglang-tpu:replicas", "2"),
		"with disks":     onBase(t).With("sglang-tpu:cache", `{"mode":"disk"}`),
	} {
		t.Run(name, func(t *testing.T) {
			owner := map[string]string{}
			for _, stack := range []string{"one", "two"} {
				g, err := pulumitest.TryRun(new(Endpoint).Serving, values, base(nil), pulumitest.WithStack(stack))
				require.NoError(t, err)
				for _, r := range g.All() {
					id := identity(r)
					if id == "" {
						continue
					}
					assert.Empty(t, owner[id], "%s of stack %s is there already: %s", r.Name, stack, id)
					owner[id] = stack
				}
			}
			assert.Greater(t, len(owner), 40)
		})
	}
}

func TestAnUnsuitablePlatformIsRejected(t *testing.T) {
	for name, test := range map[string]struct {
		values configtest.Values
		opts   []pulumitest.Option
		says   string
	}{
		"no stack": {onBase(t), []pulumitest.Option{pulumitest.WithAnswer("pulumi:pulumi:readStackOutputs", func(args map[string]any) (map[string]any, error) {
			return nil, fmt.Errorf("invocation of pulumi:pulumi:readStackOutputs returned an error: unknown stack %q", args["name"])
		})}, `config sglang-tpu:platform: "organization/sglang-tpu/base" cannot be read (unknown stack "organization/sglang-tpu/base"); run pulumi up of a stack with layer platform first, and name it in full: pulumi stack ls --all shows the names`},
		"no platform":     {onBase(t), []pulumitest.Option{stackBase(map[string]any{})}, `config sglang-tpu:platform: "organization/sglang-tpu/base" is not the stack of a platform: it has no output named platform; run pulumi up of a stack with layer platform first`},
		"another project": {onBase(t), []pulumitest.Option{base(map[string]any{"project": "other"})}, "is in project other, and gcp:project is my-project"},
		"another region":  {onBase(t).With("gcp:zone", "europe-west4-a"), []pulumitest.Option{base(nil)}, "is in us-central1, and gcp:zone is in europe-west4"},
		"no secrets": {
			onBase(t).With("sglang-tpu:hfTokenSecret", "projects/my-project/secrets/hub/versions/1"),
			[]pulumitest.Option{base(map[string]any{"secretManager": false})},
			"without the Secret Manager add-on",
		},
	} {
		_, err := pulumitest.TryRun(new(Endpoint).Serving, test.values, test.opts...)
		var refused Refused
		require.ErrorAs(t, err, &refused, name)
		assert.Contains(t, refused.Error(), test.says, name)
	}
}
