package cloud

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

func bucketValues(set ...any) Values {
	v := Values{
		"project": "p", "name": "p-cache", "location": "us-central1", "uniformBucketLevelAccess": true,
		"publicAccessPrevention": "enforced", "softDeletePolicy": object("retentionDurationSeconds", 0.0), "forceDestroy": false,
	}
	for i := 0; i < len(set); i += 2 {
		v[set[i].(string)] = set[i+1]
	}
	return v
}

// withBucket returns a cloud with a bucket that contains one object.
func withBucket(t *testing.T) (*Cloud, *Resource) {
	t.Helper()
	c, _ := open(t, stateFile(t))
	c.Buckets = t.TempDir()
	b := create(t, c, bucketKind, bucketValues())
	require.NoError(t, os.MkdirAll(filepath.Join(c.Buckets, b.ID), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(c.Buckets, b.ID, "object"), nil, 0o600))
	return c, b
}

func TestABucketHasTheDefaultsThatGoogleAdds(t *testing.T) {
	c, b := withBucket(t)
	assert.Equal(t, "p-cache", b.ID)
	assert.Equal(t, "US-CENTRAL1", b.Outputs["location"])
	assert.Equal(t, "gs://p-cache", b.Outputs["url"])
	assert.Len(t, fmt.Sprint(int64(b.Outputs["projectNumber"].(float64))), 12)
	diff := func(state *Resource, inputs Values) []Change {
		found, err := Diff(bucketKind, state.Outputs, inputs, nil)
		require.NoError(t, err)
		return found
	}
	assert.Empty(t, diff(b, bucketValues()))
	assert.Equal(t, []Change{{"location", true}}, diff(b, bucketValues("location", "europe-west4")))
	assert.Equal(t, []Change{{"forceDestroy", false}}, diff(b, bucketValues("forceDestroy", true)))
	updated, err := c.Update(context.Background(), bucketKind, b.ID, bucketValues("forceDestroy", true))
	require.NoError(t, err)
	assert.Equal(t, "US-CENTRAL1", updated.Outputs["location"])
}

func TestBucketNamesAreGloballyUnique(t *testing.T) {
	c, _ := withBucket(t)
	for project, want := range map[string]string{"p": "you already own it., conflict", "q": "The requested bucket name is not available."} {
		_, err := c.Create(context.Background(), bucketKind, bucketValues("project", project))
		require.ErrorContains(t, err, want)
	}
	for name, want := range map[string]string{"Upper": "Invalid bucket name: 'Upper'", "my-google": "Invalid bucket name"} {
		_, err := c.Create(context.Background(), bucketKind, bucketValues("name", name))
		require.ErrorContains(t, err, want)
	}
	_, err := c.Create(context.Background(), bucketKind, bucketValues("name", "elsewhere", "location", "us-central1-c"))
	require.ErrorContains(t, err, "The specified location constraint is not valid.")
}

func TestABucketWithObjectsIsDeletedOnlyByForce(t *testing.T) {
	c, b := withBucket(t)
	require.EqualError(t, c.Delete(context.Background(), bucketKind, b.ID),
		"Error trying to delete bucket p-cache containing objects without `force_destroy` set to true")
	assert.FileExists(t, filepath.Join(c.Buckets, b.ID, "object"))
	_, err := c.Update(context.Background(), bucketKind, b.ID, bucketValues("forceDestroy", true))
	require.NoError(t, err)
	require.NoError(t, c.Delete(context.Background(), bucketKind, b.ID))
	assert.NoDirExists(t, filepath.Join(c.Buckets, b.ID))
	assert.Empty(t, c.Resources())
}

func TestObjectsWithoutABucketAreLeftOver(t *testing.T) {
	c, _ := withBucket(t)
	require.NoError(t, os.MkdirAll(filepath.Join(c.Buckets, "gone"), 0o700))
	assert.Contains(t, c.Resources(), Resource{Type: "objects of the bucket", ID: "gone"})
}

func TestOnlyPrincipalsInItsPolicyMayUseABucket(t *testing.T) {
	c, _ := withBucket(t)
	principal := fmt.Sprintf("principal://iam.googleapis.com/projects/%d/locations/global/workloadIdentityPools/p.svc.id.goog/subject/ns/sglang/sa/server", ProjectNumber("p"))
	grant := Values{"bucket": "p-cache", "role": "roles/storage.objectViewer", "member": principal}
	_, err := c.Create(context.Background(), bucketIAMKind, grant)
	require.ErrorContains(t, err, "Identity Pool does not exist (p.svc.id.goog)", "it comes with the first cluster")
	withCluster(t, c)

	require.ErrorContains(t, c.BucketAccess("p", "p-cache", "sglang", "server", false), "does not have storage.objects.list access")
	create(t, c, bucketIAMKind, grant)
	require.NoError(t, c.BucketAccess("p", "p-cache", "sglang", "server", false))
	require.ErrorContains(t, c.BucketAccess("p", "p-cache", "sglang", "server", true), "storage.objects.create")
	grant["role"] = "roles/storage.objectUser"
	create(t, c, bucketIAMKind, grant)
	require.NoError(t, c.BucketAccess("p", "p-cache", "sglang", "server", true))
	require.ErrorContains(t, c.BucketAccess("p", "p-cache", "sglang", "other", true), "403")
	require.ErrorContains(t, c.BucketAccess("p", "p-cache", "other", "server", true), "403")
	var refused *Refusal
	require.ErrorAs(t, c.BucketAccess("p", "none", "sglang", "server", true), &refused)
	assert.Equal(t, codes.NotFound, refused.Code)

	_, err = c.Create(context.Background(), bucketIAMKind, Values{"bucket": "p-cache", "role": "roles/storage.objectViewer", "member": "allUsers"})
	require.ErrorContains(t, err, "public access prevention is enforced")
	_, err = c.Create(context.Background(), bucketIAMKind, Values{"bucket": "none", "role": "roles/storage.objectViewer", "member": "user:a@b.c"})
	require.ErrorContains(t, err, "Error 404")
}
