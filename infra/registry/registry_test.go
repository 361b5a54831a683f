package registry

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

func TestTagsAreImmutableAndOnlyNodesMayPull(t *testing.T) {
	var r *Registry
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, provider))
		var err error
		r, err = New(ctx, "registry", &Args{
			Repository: Repository{
				Project: "p", Location: "us-central1", ID: "images",
				Reader: pulumi.String("serviceAccount:nodes@p"), Labels: map[string]string{"team": "ml"},
			},
			LayersID: "layers",
		}, pulumi.Providers(provider), pulumi.Protect(true))
		if err != nil {
			return err
		}
		assert.Equal(t, "images", pulumitest.Await[string](t, r.RepositoryID))
		return nil
	})
	repository := graph.Get(t, "gcp:artifactregistry/repository:Repository", "registry")
	for path, want := range map[string]any{
		"format": "DOCKER", "repositoryId": "images", "location": "us-central1",
		"dockerConfig.immutableTags": true, "labels.team": "ml",
	} {
		assert.Equal(t, want, repository.Value(path), path)
	}
	layers := graph.Get(t, "gcp:artifactregistry/repository:Repository", "registry-layers")
	assert.Nil(t, layers.Value("dockerConfig"), "the tag of the layers moves")
	assert.Nil(t, repository.Value("cleanupPolicies"), "a repository of immutable tags deletes no tagged image")
	assert.Equal(t, []any{
		map[string]any{"id": "keep-newest", "action": "KEEP", "mostRecentVersions": map[string]any{"keepCount": 1.0}},
		map[string]any{"id": "delete-old", "action": "DELETE", "condition": map[string]any{"tagState": "ANY", "olderThan": "2592000s"}},
	}, layers.Value("cleanupPolicies"))
	reader := graph.Get(t, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "registry-reader")
	assert.Equal(t, "roles/artifactregistry.reader", reader.Value("role"))
	assert.Equal(t, "serviceAccount:nodes@p", reader.Value("member"))
	assert.True(t, reader.DependsOn("registry"))
	for _, made := range []pulumitest.Resource{repository, layers, reader} {
		assert.Equal(t, "registry", made.Parent())
		assert.Equal(t, "google", made.Provider())
		assert.True(t, made.Protected())
	}
	assert.Len(t, r.Dependencies, 3)
}

func TestAMirrorCachesDockerHub(t *testing.T) {
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, provider))
		m, err := NewMirror(ctx, "mirror", &Repository{
			Project: "p", Location: "us-central1", ID: "hub", Reader: pulumi.String("serviceAccount:nodes@p"),
		}, pulumi.Providers(provider), pulumi.Protect(true))
		require.NoError(t, err)
		assert.Len(t, m.Dependencies, 2)
		return nil
	})
	mirror := graph.Get(t, "gcp:artifactregistry/repository:Repository", "mirror")
	assert.Equal(t, "REMOTE_REPOSITORY", mirror.Value("mode"))
	assert.Equal(t, "DOCKER_HUB", mirror.Value("remoteRepositoryConfig.dockerRepository.publicRepository"))
	reader := graph.Get(t, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "mirror-reader")
	assert.Equal(t, "roles/artifactregistry.reader", reader.Value("role"))
	assert.Equal(t, "hub", reader.Value("repository"))
	for _, made := range []pulumitest.Resource{mirror, reader} {
		assert.Equal(t, "mirror", made.Parent())
		assert.Equal(t, "google", made.Provider())
		assert.True(t, made.Protected())
	}
}

func TestPathIsThePrefixOfImageNames(t *testing.T) {
	assert.Equal(t, "us-central1-docker.pkg.dev/p/images", Path("us-central1", "p", "images"))
}
