package hftoken

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

func TestOneAccountMayReadOneSecret(t *testing.T) {
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, provider))
		token, err := New(ctx, "token", &Args{
			Version: "projects/other/secrets/hub/versions/3", WorkloadPool: pulumi.String("p.svc.id.goog"),
			Namespace: "sglang", Account: "sglang-download",
		}, pulumi.Providers(provider), pulumi.Protect(true))
		require.NoError(t, err)
		assert.Len(t, token.Dependencies, 1)
		return nil
	})
	reader := graph.Get(t, "gcp:secretmanager/secretIamMember:SecretIamMember", "token-reader")
	for path, want := range map[string]any{
		"project": "other", "secretId": "hub", "role": "roles/secretmanager.secretAccessor",
		"member": "serviceAccount:p.svc.id.goog[sglang/sglang-download]",
	} {
		assert.Equal(t, want, reader.Value(path), path)
	}
	assert.Equal(t, "token", reader.Parent())
	assert.Equal(t, "google", reader.Provider())
	assert.True(t, reader.Protected())
}

func TestInvalidSecretVersionsAreRejected(t *testing.T) {
	_, err := pulumitest.TryRun(func(ctx *pulumi.Context) error {
		_, err := New(ctx, "token", &Args{Version: "hub", WorkloadPool: pulumi.String("p.svc.id.goog")})
		return err
	}, nil)
	assert.ErrorContains(t, err, "hub")
}
