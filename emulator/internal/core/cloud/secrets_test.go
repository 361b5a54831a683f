package cloud

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnlyPermittedAccountsReadASecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cloud.json")
	c, _ := open(t, file)
	member := Values{"project": "p", "secretId": "s", "role": "roles/secretmanager.secretAccessor", "member": "serviceAccount:p.svc.id.goog[ns/a]"}
	_, err := c.Create(context.Background(), secretIAMKind, member)
	require.ErrorContains(t, err, "Error 404: Secret [projects/p/secrets/s] not found")

	version, err := c.AddSecretVersion("projects/p/secrets/s", "one")
	require.NoError(t, err)
	assert.Equal(t, "projects/p/secrets/s/versions/1", version)
	_, err = c.AddSecretVersion("projects/p/secrets/s", "two")
	require.NoError(t, err)
	_, err = c.AddSecretVersion("s", "x")
	require.ErrorContains(t, err, "use projects/PROJECT/secrets/NAME")

	_, err = c.Create(context.Background(), secretIAMKind, member)
	require.ErrorContains(t, err, "Identity Pool does not exist (p.svc.id.goog)", "before the project's first cluster")
	c.resources[clusterKind+" c"] = &Resource{Type: clusterKind, ID: "c", Inputs: Values{
		"workloadIdentityConfig": map[string]any{"workloadPool": "p.svc.id.goog"},
	}}
	const denied = "Permission 'secretmanager.versions.access' denied for resource"
	_, err = c.AccessSecret("p", "projects/p/secrets/s/versions/1", "ns", "a")
	require.ErrorContains(t, err, denied)
	_, err = c.Create(context.Background(), secretIAMKind, member)
	require.NoError(t, err)
	for version, want := range map[string]string{"1": "one", "2": "two", "latest": "two"} {
		value, err := c.AccessSecret("p", "projects/p/secrets/s/versions/"+version, "ns", "a")
		require.NoError(t, err)
		assert.Equal(t, want, value)
	}
	_, err = c.AccessSecret("p", "projects/p/secrets/s/versions/3", "ns", "a")
	require.ErrorContains(t, err, "Secret Version [projects/p/secrets/s/versions/3] not found")
	for _, other := range [][3]string{
		{"projects/p/secrets/s/versions/1", "ns", "b"},
		{"projects/p/secrets/s/versions/1", "other", "a"},
		{"projects/p/secrets/t/versions/1", "ns", "a"},
		{"nonsense", "ns", "a"},
	} {
		_, err := c.AccessSecret("p", other[0], other[1], other[2])
		require.ErrorContains(t, err, denied, other)
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(text), "secretAccessor")
	assert.NotContains(t, string(text), `"one"`, "no file holds a value")
}
