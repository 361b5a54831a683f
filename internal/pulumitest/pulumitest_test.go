package pulumitest

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type thing struct{ pulumi.CustomResourceState }

type group struct{ pulumi.ResourceState }

func program(ctx *pulumi.Context) error {
	provider := &pulumi.ProviderResourceState{}
	if err := ctx.RegisterResource("pulumi:providers:k", "prov", pulumi.Map{}, provider); err != nil {
		return err
	}
	g := &group{}
	if err := ctx.RegisterComponentResource("t:i:Group", "group", g, pulumi.Providers(provider), pulumi.Protect(true)); err != nil {
		return err
	}
	first := &thing{}
	if err := ctx.RegisterResource("k:m:Thing", "first", pulumi.Map{
		"token": pulumi.ToSecret(pulumi.String("s3cret")),
		"list":  pulumi.Array{pulumi.Map{"dotted.key/x": pulumi.Int(4)}},
	}, first, pulumi.Parent(g)); err != nil {
		return err
	}
	return ctx.RegisterResource("k:m:Thing", "second", pulumi.Map{}, &thing{},
		pulumi.Parent(g), pulumi.DependsOn([]pulumi.Resource{first}), pulumi.IgnoreChanges([]string{"a"}),
		pulumi.ReplaceOnChanges([]string{"b"}), pulumi.DeleteBeforeReplace(true),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "90m", Update: "1h"}),
		pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String("old")}}))
}

func TestEngineOptionsAreRecorded(t *testing.T) {
	graph := Run(t, program)
	first, second := graph.Get(t, "k:m:Thing", "first"), graph.Get(t, "k:m:Thing", "second")

	assert.Equal(t, "s3cret", first.Value("token"))
	assert.True(t, first.Secret("token"))
	assert.InDelta(t, 4, first.Value(`list[0]["dotted.key/x"]`), 0)
	assert.InDelta(t, 4, first.Value(`list.0["dotted.key/x"]`), 0)
	assert.False(t, first.Secret("list[0]"))
	for _, missing := range []string{"list[1]", "list.x", "none", "token.deeper", "list[0].none"} {
		assert.Nil(t, first.Value(missing), missing)
	}

	assert.Equal(t, "group", second.Parent())
	assert.Equal(t, "prov", second.Provider())
	assert.Equal(t, "prov", graph.Get(t, "t:i:Group", "group").ProviderOf("k"))
	assert.True(t, second.Protected())
	assert.True(t, second.DependsOn("first"))
	assert.False(t, first.DependsOn("second"))
	assert.Equal(t, []string{"a"}, second.IgnoresChanges())
	assert.Equal(t, []string{"b"}, second.ReplacesOnChanges())
	assert.True(t, second.DeletesBeforeReplace())
	assert.Equal(t, 90*time.Minute, second.CreateTimeout(t))
	assert.Equal(t, time.Hour, second.UpdateTimeout(t))
	assert.Zero(t, second.DeleteTimeout(t))
	assert.Equal(t, []string{"old"}, second.Aliases())
	assert.Len(t, graph.OfType("k:m:Thing"), 2)
}

func TestTheTextOfAGraphIsCompleteWithoutSecrets(t *testing.T) {
	graph := Run(t, program, WithStack("prod"))
	text := graph.Text()
	assert.NotContains(t, text, "s3cret")
	assert.Contains(t, text, `k:m:Thing first
  parent: t:i:Group group
  provider: prov
  protect: true
  inputs:
    list:
      - dotted.key/x: 4
    token: [secret]

k:m:Thing second
  parent: t:i:Group group
  provider: prov
  protect: true
  deleteBeforeReplace: true
  ignoreChanges: a
  replaceOnChanges: b
  aliases: old
  createTimeout: 90m
  updateTimeout: 1h
  dependsOn:
    - k:m:Thing first
`)
	for range 20 {
		assert.Equal(t, text, Run(t, program, WithStack("prod")).Text(), "the order of registration is no part of it")
	}
	assert.Contains(t, text, "pulumi:pulumi:Stack sglang-tpu-prod")
}

func TestOutputsCanBeSetAndAwaited(t *testing.T) {
	Run(t, func(ctx *pulumi.Context) error {
		var out struct {
			pulumi.CustomResourceState
			Address pulumi.StringOutput `pulumi:"address"`
		}
		require.NoError(t, ctx.RegisterResource("k:m:Host", "h", pulumi.Map{}, &out))
		assert.Equal(t, "h.example", Await[string](t, out.Address))
		return nil
	}, WithOutputs("k:m:Host", func(r Resource) map[string]any {
		return map[string]any{"address": r.Name + ".example"}
	}))
}

func TestResourcesRegisteredDuringACreate(t *testing.T) {
	defer func(before time.Duration) { patience = before }(patience)
	patience = 50 * time.Millisecond
	_, err := TryRun(program, nil, During("pulumi:providers:k prov", "t:i:Group group"))
	require.ErrorContains(t, err, "pulumi:providers:k prov is not created yet, and these wait for it: t:i:Group group")
	_, err = TryRun(program, nil, During("k:m:Thing first", "t:i:Group group"))
	require.NoError(t, err)
}
