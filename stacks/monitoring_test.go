package stacks

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"sglang-tpu/internal/configtest"
)

func TestWithoutMonitoringThereAreNoResourcesAndNoPodChanges(t *testing.T) {
	environment := configtest.Environment(t, "dev")
	on, off := run(t, environment), run(t, environment.With("sglang-tpu:monitoring", `{"enabled":false}`))
	for _, r := range off.All() {
		assert.NotContains(t, strings.ToLower(r.Type+" "+r.Name), "monitoring")
	}
	assert.Equal(t, on.OfType(setType)[0].Value("spec"), off.OfType(setType)[0].Value("spec"), "no server restarts when it is turned on or off")
	assert.Greater(t, len(on.All()), len(off.All()))
}

func TestEachGroupsLeaderIsScrapedAndItsSlicesMonitored(t *testing.T) {
	g := run(t, configtest.Environment(t, "dev").With("sglang-tpu:replicas", "2"))
	second := g.Get(t, "kubernetes:monitoring.googleapis.com/v1:PodMonitoring", "monitoring-group-1")
	assert.Equal(t, "http://sglang-tpu-cluster-1.sglang-tpu-cluster.sglang.svc:8000/get_server_info", second.Value("spec.endpoints[0].params.target[0]"))
	slice := g.Get(t, nodePoolType, "slice-1").Value("name").(string)
	query := g.Get(t, "gcp:monitoring/alertPolicy:AlertPolicy", "monitoring-alert-slice-lost").Value("conditions[0].conditionPrometheusQueryLanguage.query")
	assert.Contains(t, query, `node_pool_name=~"`+strings.TrimSuffix(slice, "1")+`[0-9]+"`)
}

func TestTheExporterReadsTheAPIKeyThatTheServersWant(t *testing.T) {
	t.Setenv(pulumi.EnvConfigSecretKeys, `["sglang-tpu:apiKey"]`)
	g := run(t, configtest.Environment(t, "dev").With("sglang-tpu:apiKey", "k-12345678"))
	secret := g.Get(t, "kubernetes:core/v1:Secret", "serving-api-key")
	source := g.Get(t, "kubernetes:apps/v1:Deployment", "monitoring-exporter")
	assert.Equal(t, secret.Value("metadata.name"), source.Value("spec.template.spec.volumes[0].projected.sources[1].secret.name"))
	assert.NotNil(t, secret.Value("stringData."+source.Value("spec.template.spec.volumes[0].projected.sources[1].secret.items[0].key").(string)))
}
