package registry

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

func TestTagsNeverMoveAndNodesAloneMayPull(t *testing.T) {
	var r *Registry
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, provider))
		var err error
		r, err = New(ctx, "registry", &Args{
			Project: "p", Location: "us-central1", RepositoryID: "images",
			Reader: pulumi.String("serviceAccount:nodes@p"), Labels: map[string]string{"team": "ml"},
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
	reader := graph.Get(t, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "registry-reader")
	assert.Equal(t, "roles/artifactregistry.reader", reader.Value("role"))
	assert.Equal(t, "serviceAccount:nodes@p", reader.Value("member"))
	assert.True(t, reader.DependsOn("registry"))
	for _, made := range []pulumitest.Resource{repository, reader} {
		assert.Equal(t, "registry", made.Parent())
		assert.Equal(t, "google", made.Provider())
		assert.True(t, made.Protected())
	}
	assert.Len(t, r.Made, 2)
}

func TestPathIsWhatImageNamesBeginWith(t *testing.T) {
	assert.Equal(t, "us-central1-docker.pkg.dev/p/images", Path("us-central1", "p", "images"))
}
