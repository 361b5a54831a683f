package apis

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

func TestEveryServiceIsEnabledAndNeverDisabled(t *testing.T) {
	var made []pulumi.Resource
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, provider))
		s, err := New(ctx, "services", &Args{Project: "p"}, pulumi.Providers(provider), pulumi.Protect(true))
		if err == nil {
			made = s.Dependencies
		}
		return err
	})
	for name, api := range map[string]string{
		"services-artifactregistry":     "artifactregistry.googleapis.com",
		"services-cloudresourcemanager": "cloudresourcemanager.googleapis.com",
		"services-compute":              "compute.googleapis.com",
		"services-container":            "container.googleapis.com",
		"services-containerfilesystem":  "containerfilesystem.googleapis.com",
		"services-iam":                  "iam.googleapis.com",
		"services-storage":              "storage.googleapis.com",
	} {
		service := graph.Get(t, "gcp:projects/service:Service", name)
		assert.Equal(t, api, service.Value("service"))
		assert.Equal(t, "p", service.Value("project"))
		assert.Equal(t, false, service.Value("disableOnDestroy"), "a project is shared")
		assert.Equal(t, "services", service.Parent())
		assert.Equal(t, "google", service.Provider())
		assert.True(t, service.Protected())
	}
	assert.Len(t, made, 7, "what others wait for")
}
