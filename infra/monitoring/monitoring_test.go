package monitoring

import (
	"encoding/json"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
	spec "sglang-tpu/spec/monitoring"
)

const (
	alertType      = "gcp:monitoring/alertPolicy:AlertPolicy"
	dashboardType  = "gcp:monitoring/dashboard:Dashboard"
	deploymentType = "kubernetes:apps/v1:Deployment"
	scrapeType     = "kubernetes:monitoring.googleapis.com/v1:PodMonitoring"
)

func register(t *testing.T, change func(*Args)) *pulumitest.Graph {
	t.Helper()
	return pulumitest.Run(t, func(ctx *pulumi.Context) error {
		google, cluster := &pulumi.ProviderResourceState{}, &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, google))
		require.NoError(t, ctx.RegisterResource("pulumi:providers:kubernetes", "cluster", pulumi.Map{}, cluster))
		args := &Args{
			Project: "p", Namespace: pulumi.String("space").ToStringOutput(),
			Endpoint: spec.Endpoint{Cluster: "c", Namespace: "space", Set: "set", Slices: "c-slice-", Groups: 2, MultiHost: true},
			Ranks:    2, Leaders: map[string]string{"leader": "yes"}, Port: 8000,
		}
		if change != nil {
			change(args)
		}
		m, err := New(ctx, "m", args, pulumi.Providers(google, cluster), pulumi.Protect(true))
		if err == nil {
			assert.NotEmpty(t, pulumitest.Await[string](t, m.DashboardID))
		}
		return err
	})
}

func TestEachGroupHasItsOwnScrapeJob(t *testing.T) {
	graph := register(t, nil)
	require.Len(t, graph.OfType(scrapeType), 2)
	second := graph.Get(t, scrapeType, "m-group-1")
	assert.Equal(t, "set-1", second.Value("metadata.name"), "it becomes the label job")
	assert.Equal(t, map[string]any{
		"port": "metrics", "path": "/probe", "interval": "30s", "timeout": "20s",
		"params": map[string]any{"target": []any{"http://set-1.set.space.svc:8000/get_server_info"}},
	}, second.Value("spec.endpoints[0]"))
	pod := graph.Get(t, deploymentType, "m-exporter")
	assert.Equal(t, pod.Value("spec.template.metadata.labels"), second.Value("spec.selector.matchLabels"))
	assert.Equal(t, "metrics", pod.Value("spec.template.spec.containers[0].ports[0].name"))
}

func TestAChangedConfigurationRestartsTheExporter(t *testing.T) {
	hashOf := func(change func(*Args)) any {
		return register(t, change).Get(t, deploymentType, "m-exporter").Value(`spec.template.metadata.annotations["sglang-tpu/config"]`)
	}
	before := hashOf(nil)
	assert.NotEqual(t, before, hashOf(func(a *Args) { a.Ranks = 4 }))
	assert.Equal(t, before, hashOf(func(a *Args) { a.Channels = []string{"projects/p/notificationChannels/1"} }))
}

func TestTheAPIKeyIsAFileOfItsSecret(t *testing.T) {
	graph := register(t, func(a *Args) { a.APIKey = &Key{Secret: "s", Entry: "e"} })
	sources := graph.Get(t, deploymentType, "m-exporter").Value("spec.template.spec.volumes[0].projected.sources")
	assert.Equal(t, []any{
		map[string]any{"configMap": map[string]any{"name": "sglang-exporter"}},
		map[string]any{"secret": map[string]any{"name": "s", "items": []any{map[string]any{"key": "e", "path": "api-key"}}}},
	}, sources)
	config := graph.Get(t, "kubernetes:core/v1:ConfigMap", "m-config").Value(`data["config.yml"]`).(string)
	assert.Contains(t, config, `"credentials_file": "api-key"`)
	without := register(t, nil)
	assert.Len(t, without.Get(t, deploymentType, "m-exporter").Value("spec.template.spec.volumes[0].projected.sources"), 1)
}

func TestAlertsAreQueriesOrLinesOfTheLog(t *testing.T) {
	graph := register(t, func(a *Args) {
		a.Channels, a.Labels = []string{"projects/p/notificationChannels/1"}, map[string]string{"team": "ml"}
	})
	require.Len(t, graph.OfType(alertType), 7)
	query := graph.Get(t, alertType, "m-alert-no-answer")
	for path, want := range map[string]any{
		"displayName": "c: a group does not answer", "severity": "CRITICAL", "combiner": "OR",
		"conditions[0].conditionPrometheusQueryLanguage.duration":                "600s",
		"conditions[0].conditionPrometheusQueryLanguage.disableMetricValidation": true,
		"notificationChannels[0]": "projects/p/notificationChannels/1", "userLabels.team": "ml",
	} {
		assert.Equal(t, want, query.Value(path), path)
	}
	assert.Contains(t, query.Value("conditions[0].conditionPrometheusQueryLanguage.query"), "< 2")
	line := graph.Get(t, alertType, "m-alert-rendezvous")
	assert.Contains(t, line.Value("conditions[0].conditionMatchedLog.filter"), `textPayload=~"`+spec.RendezvousLine+`"`)
	assert.Equal(t, "1800s", line.Value("alertStrategy.notificationRateLimit.period"), "Google wants one for alerts of a log")
	for _, a := range spec.Alerts(spec.Endpoint{Cluster: "c", Namespace: "space", Set: "set", Slices: "c-slice-", Groups: 2, MultiHost: true}) {
		assert.Equal(t, a.Text, graph.Get(t, alertType, "m-alert-"+a.Name).Value("documentation.content"))
	}
}

func TestTheDashboardIsJSON(t *testing.T) {
	text := register(t, nil).Get(t, dashboardType, "m-dashboard").Value("dashboardJson").(string)
	var shown map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &shown))
	assert.NotEmpty(t, shown["displayName"])
}

func TestMonitoringIsProtectedWithItsStack(t *testing.T) {
	graph := register(t, nil)
	for _, r := range graph.All() {
		if r.Type != "pulumi:providers:gcp" && r.Type != "pulumi:providers:kubernetes" {
			assert.True(t, r.Protected(), "a destroy that is refused would delete %s %s", r.Type, r.Name)
		}
	}
}
