package lws

import (
	"context"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

const (
	crdType   = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
	chartType = "kubernetes:helm.sh/v4:Chart"
	spaceType = "kubernetes:core/v1:Namespace"

	schemaPath = "spec.versions[0].schema.openAPIV3Schema.properties."
)

type user struct{ pulumi.CustomResourceState }

func install(t *testing.T, args *Args) *pulumitest.Graph {
	t.Helper()
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:kubernetes", "cluster", pulumi.Map{}, provider))
		c, err := New(ctx, "lws", args, pulumi.Providers(provider), pulumi.Protect(true))
		if err != nil {
			return err
		}
		return ctx.RegisterResource("t:t:User", "user", pulumi.Map{}, &user{}, pulumi.DependsOn(c.Dependencies))
	})
	assert.Equal(t, "lws-system", graph.Get(t, spaceType, "lws-namespace").Value("metadata.name"))
	return graph
}

func TestDefinitionsComeBeforeTheChartAndTheChartBeforeItsUsers(t *testing.T) {
	graph := install(t, &Args{Chart: "/some/folder"})
	chart := graph.Get(t, chartType, "lws")
	for typ, names := range map[string][]string{
		spaceType: {"lws-namespace"},
		crdType:   {"lws-crd-leaderworkersets", "lws-crd-disaggregatedsets"},
	} {
		for _, name := range names {
			r := graph.Get(t, typ, name)
			assert.Equal(t, "lws", r.Parent(), name)
			assert.Equal(t, "cluster", r.Provider(), name)
			assert.True(t, r.Protected(), name)
			assert.True(t, chart.DependsOn(name), name)
		}
	}
	assert.Equal(t, "lws", chart.Parent())
	assert.Equal(t, "cluster", chart.Provider())
	assert.Len(t, chart.RPC.GetTransforms(), 1)

	dependencies := graph.Get(t, "t:t:User", "user").RPC.GetDependencies()
	assert.Contains(t, dependencies, "urn:pulumi:test::sglang-tpu::sglang-tpu:infra:LeaderWorkerSetController$kubernetes:helm.sh/v4:Chart::lws")
}

func TestTheChartIsPinnedWhereverItComesFrom(t *testing.T) {
	for name, tc := range map[string]struct {
		args         Args
		version, tag any
	}{
		"a registry": {Args{Chart: "oci://registry.k8s.io/lws/charts/lws"}, Version, "v" + Version},
		"a folder":   {Args{Chart: "/some/folder"}, nil, "v" + Version},
	} {
		t.Run(name, func(t *testing.T) {
			chart := install(t, &tc.args).Get(t, chartType, "lws")
			assert.Equal(t, tc.args.Chart, chart.Value("chart"))
			assert.Equal(t, tc.version, chart.Value("version"))
			assert.Equal(t, "lws", chart.Value("name"))
			assert.Equal(t, "lws-system", chart.Value("namespace"))
			assert.Equal(t, true, chart.Value("skipCrds"))
			assert.Equal(t, false, chart.Value("values.enableCertManager"))
			assert.Equal(t, map[string]any{"tag": tc.tag, "pullPolicy": "IfNotPresent"}, chart.Value("values.image.manager"))
			assert.Equal(t, "RuntimeDefault", chart.Value("values.podSecurityContext.seccompProfile.type"))
			assert.NotNil(t, chart.Value("values.resources.limits.cpu"))
		})
	}
}

func TestTheDefinitionChecksTheControllersOwnFields(t *testing.T) {
	crd := install(t, &Args{Chart: "/some/folder"}).Get(t, crdType, "lws-crd-leaderworkersets")
	const template = schemaPath + "spec.properties.leaderWorkerTemplate.properties."
	for path, want := range map[string]any{
		"metadata.name": "leaderworkersets.leaderworkerset.x-k8s.io",
		`metadata.annotations["pulumi.com/waitFor"]`: "condition=Established",
		"spec.group":              "leaderworkerset.x-k8s.io",
		"spec.scope":              "Namespaced",
		"spec.names.shortNames":   []any{"lws"},
		"spec.versions[0].name":   "v1",
		"spec.versions[0].served": true,
		"spec.versions[0].subresources.scale.labelSelectorPath": ".status.hpaPodSelector",
		"spec.versions[0].additionalPrinterColumns[0].name":     "Ready",

		schemaPath + "spec.properties.replicas":          map[string]any{"type": "integer", "format": "int32", "default": 1.0, "minimum": 0.0},
		schemaPath + "spec.properties.startupPolicy":     map[string]any{"type": "string", "default": "LeaderCreated", "enum": []any{"LeaderCreated", "LeaderReady"}},
		schemaPath + "spec.required":                     []any{"leaderWorkerTemplate"},
		template + "size.minimum":                        1.0,
		template + "restartPolicy.default":               "RecreateGroupOnPodRestart",
		template + "leaderTemplate":                      map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
		template + "workerTemplate":                      map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
		schemaPath + "status.properties.readyReplicas":   map[string]any{"type": "integer", "format": "int32"},
		schemaPath + "status.properties.conditions.type": "array",
	} {
		assert.Equal(t, want, crd.Value(path), path)
	}
}

func TestTheGateWaitsForTheCABundleOfEveryWebhook(t *testing.T) {
	for _, kind := range []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
		result := gate(context.Background(), &pulumi.ResourceTransformArgs{
			Type: "kubernetes:admissionregistration.k8s.io/v1:" + kind,
			Props: pulumi.Map{
				"metadata": pulumi.Map{"name": pulumi.String("lws")},
				"webhooks": pulumi.Array{pulumi.Map{}, pulumi.Map{}},
			},
			Opts: pulumi.ResourceOptions{Protect: true},
		})
		require.NotNil(t, result)
		assert.True(t, result.Opts.Protect)
		assert.Equal(t, pulumi.Map{
			"name": pulumi.String("lws"),
			"annotations": pulumi.Map{
				"pulumi.com/patchForce": pulumi.String("true"),
				"pulumi.com/waitFor":    pulumi.String(`["jsonpath={.webhooks[0].clientConfig.caBundle}","jsonpath={.webhooks[1].clientConfig.caBundle}"]`),
			},
		}, result.Props["metadata"])
	}
}

func TestTheGateProbesTheWebhookPort(t *testing.T) {
	manager, sidecar := pulumi.Map{"name": pulumi.String("manager")}, pulumi.Map{"name": pulumi.String("sidecar")}
	result := gate(context.Background(), &pulumi.ResourceTransformArgs{
		Type: "kubernetes:apps/v1:Deployment",
		Props: pulumi.Map{"spec": pulumi.Map{"template": pulumi.Map{"spec": pulumi.Map{
			"containers": pulumi.Array{sidecar, manager},
		}}}},
	})
	require.NotNil(t, result)
	assert.Equal(t, pulumi.Map{
		"tcpSocket":        pulumi.Map{"port": pulumi.Int(9443)},
		"periodSeconds":    pulumi.Int(2),
		"failureThreshold": pulumi.Int(150),
	}, manager["startupProbe"])
	assert.NotContains(t, sidecar, "startupProbe")
	assert.Equal(t, pulumi.Int(endpointSeconds), result.Props["spec"].(pulumi.Map)["minReadySeconds"], "its endpoint is known by then")
}

func TestTheGateDoesNotAwaitTheChartsServices(t *testing.T) {
	result := gate(context.Background(), &pulumi.ResourceTransformArgs{Type: "kubernetes:core/v1:Service", Props: pulumi.Map{}})
	require.NotNil(t, result)
	assert.Equal(t, pulumi.Map{"annotations": pulumi.Map{"pulumi.com/skipAwait": pulumi.String("true")}}, result.Props["metadata"])
}

func TestTheGateDoesNotChangeTheRestOfTheChart(t *testing.T) {
	for _, typ := range []string{"kubernetes:helm.sh/v4:Chart", "kubernetes:core/v1:Secret"} {
		assert.Nil(t, gate(context.Background(), &pulumi.ResourceTransformArgs{Type: typ, Props: pulumi.Map{}}), typ)
	}
	// A configuration without webhooks gets no empty list, which the provider refuses.
	result := gate(context.Background(), &pulumi.ResourceTransformArgs{
		Type:  "kubernetes:admissionregistration.k8s.io/v1:MutatingWebhookConfiguration",
		Props: pulumi.Map{},
	})
	assert.Empty(t, result.Props)
}
