package computeclass

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

func TestAComputeClassOrdersPoolsAndNeitherCreatesNorMigrates(t *testing.T) {
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:kubernetes", "cluster", pulumi.Map{}, provider))
		c, err := New(ctx, "class", &Args{Name: "chips", Priorities: [][]string{{"a-0", "a-1"}, {"b-0", "b-1"}}}, pulumi.Providers(provider))
		if err != nil {
			return err
		}
		assert.Len(t, c.Dependencies, 1)
		return nil
	})
	class := graph.Get(t, "kubernetes:cloud.google.com/v1:ComputeClass", "class")
	assert.Equal(t, "chips", class.Value("metadata.name"))
	assert.Equal(t, map[string]any{
		"priorities":           []any{map[string]any{"nodepools": []any{"a-0", "a-1"}}, map[string]any{"nodepools": []any{"b-0", "b-1"}}},
		"whenUnsatisfiable":    "DoNotScaleUp",
		"nodePoolAutoCreation": map[string]any{"enabled": false},
		"activeMigration":      map[string]any{"optimizeRulePriority": false},
	}, class.Value("spec"))
	assert.Equal(t, "cluster", class.Provider())
	assert.Equal(t, "class", class.Parent())
}
