package cache

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

const (
	bucketType = "gcp:storage/bucket:Bucket"
	memberType = "gcp:storage/bucketIAMMember:BucketIAMMember"
)

func create(t *testing.T, keep bool) *pulumitest.Graph {
	t.Helper()
	return pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, provider))
		c, err := New(ctx, "cache", &Args{
			Project: "p", Location: "us-central1", Bucket: "p-cache", WorkloadPool: pulumi.String("p.svc.id.goog"),
			Users: []User{{Name: "server", Namespace: "ns", Account: "a"}, {Name: "download", Namespace: "ns", Account: "b"}},
			Keep:  keep, Labels: map[string]string{"team": "ml"},
		}, pulumi.Providers(provider), pulumi.Protect(keep))
		require.NoError(t, err)
		assert.Len(t, c.Dependencies, 3)
		assert.Equal(t, "p-cache", pulumitest.Await[string](t, c.Bucket))
		return nil
	})
}

func TestTheBucketIsPrivateRegionalAndWithoutSoftDelete(t *testing.T) {
	bucket := create(t, false).Get(t, bucketType, "cache")
	assert.Equal(t, map[string]any{
		"name": "p-cache", "location": "us-central1", "project": "p", "labels": map[string]any{"team": "ml"},
		"uniformBucketLevelAccess": true, "publicAccessPrevention": "enforced",
		"softDeletePolicy": map[string]any{"retentionDurationSeconds": 0.0}, "forceDestroy": true,
	}, bucket.Inputs.Mappable(), "all that is set, so that nothing else is by accident")
}

func TestAProtectedBucketKeepsItsContents(t *testing.T) {
	bucket := create(t, true).Get(t, bucketType, "cache")
	assert.Equal(t, false, bucket.Value("forceDestroy"))
	assert.True(t, bucket.Protected())
}

func TestOnlyItsUsersMayUseTheBucketAndOnlyThisOne(t *testing.T) {
	graph := create(t, false)
	for name, account := range map[string]string{"cache-server": "a", "cache-download": "b"} {
		member := graph.Get(t, memberType, name)
		assert.Equal(t, "p-cache", member.Value("bucket"))
		assert.Equal(t, "roles/storage.objectUser", member.Value("role"))
		assert.Equal(t, "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/p.svc.id.goog/subject/ns/ns/sa/"+account,
			member.Value("member"))
		assert.True(t, member.DependsOn("cache"))
		assert.Equal(t, "cache", member.Parent())
		assert.Equal(t, "google", member.Provider())
	}
	assert.Len(t, graph.OfType(memberType), 2)
}
