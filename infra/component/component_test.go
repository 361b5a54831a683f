package component

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

type part struct{ Base }

func TestAComponentIsTheParentOfItsChildrenAndPassesItsOptionsOn(t *testing.T) {
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, provider))
		p := &part{}
		require.NoError(t, p.Register(ctx, "t:t:Part", "part", pulumi.Providers(provider), pulumi.Protect(true)))
		child, other := &pulumi.CustomResourceState{}, &pulumi.CustomResourceState{}
		require.NoError(t, ctx.RegisterResource("gcp:t:Child", "child", pulumi.Map{}, child, pulumi.Parent(p)))
		p.Dependencies = []pulumi.Resource{child}
		require.NoError(t, p.RegisterOutputs(ctx, pulumi.Map{"child": child.ID()}))
		return ctx.RegisterResource("t:t:Other", "other", pulumi.Map{}, other, pulumi.DependsOn(p.Dependencies))
	})
	graph.Get(t, "t:t:Part", "part")
	child := graph.Get(t, "gcp:t:Child", "child")
	assert.Equal(t, "part", child.Parent())
	assert.Equal(t, "google", child.Provider())
	assert.True(t, child.Protected())
	assert.True(t, graph.Get(t, "t:t:Other", "other").DependsOn("child"))
}

// The SDK's RegisterResourceOutputs returns when the component is registered, which is after
// all that it depends on.
func TestAWaitingComponentDoesNotBlockOthers(t *testing.T) {
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		slow := &pulumi.CustomResourceState{}
		require.NoError(t, ctx.RegisterResource("gcp:t:Slow", "slow", pulumi.Map{}, slow))
		first, second := &part{}, &part{}
		require.NoError(t, first.Register(ctx, "t:t:Part", "first", pulumi.DependsOn([]pulumi.Resource{slow})))
		require.NoError(t, first.RegisterOutputs(ctx, pulumi.Map{}))
		require.NoError(t, second.Register(ctx, "t:t:Part", "second"))
		return second.RegisterOutputs(ctx, pulumi.Map{})
	}, pulumitest.During("gcp:t:Slow slow", "t:t:Part second"))
	assert.True(t, graph.Get(t, "t:t:Part", "first").DependsOn("slow"))
}
