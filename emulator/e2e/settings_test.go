package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// typed is a setting as a user types it, and a part of the preview that shows that the program
// has read it.
type typed struct {
	set   string // arguments of pulumi config set
	shows string // in the preview's JSON without spaces; empty if it is not visible there
}

// everySetting sets, together with the examples of the schema and the other value of truth
// values, each key once, and each field of its objects.
var everySetting = []typed{
	{"gcp:project a-project-of-mine", `"project":"a-project-of-mine"`},
	{"gcp:zone us-central1-ai1a", `"zone":"us-central1-ai1a"`},
	{"gcp:region us-central1", ""}, // which must agree
	{"model my-org/my-model", `"my-org/my-model"`},
	{"modelRevision 1234567", `"1234567"`},
	{"--path sglang-tpu:customModel.heads 32", `"--tp-size","8","--dp-size","1"`},
	{"--path sglang-tpu:customModel.weightsGiB 20", ""},
	{"--path sglang-tpu:customModel.repositoryGiB 24", ""},
	{"--path sglang-tpu:customModel.context 4096", ""},
	{"--path sglang-tpu:customModel.experts 16", `"--ep-size","8"`},
	{"--path sglang-tpu:customModel.gated true", ""},
	{"--path sglang-tpu:customModel.attentionTensorParallelism 8", ""},
	{"--path sglang-tpu:customModel.layers 40", ""},
	{"--path sglang-tpu:customModel.kvHeads 8", ""},
	{"--path sglang-tpu:customModel.headSize 128", ""},
	{"topology 2x2x1", `"2x2x1"`},
	{"replicas 2", `::slice-1"`},
	{"--path sglang-tpu:capacity.mode flex-start", `"flexStart":true`},
	{"--path sglang-tpu:capacity.maxRunDuration 72h", `"maxRunDuration":"259200s"`},
	{"--path 'sglang-tpu:serverArguments[0]' -- --page-size", `"--page-size"`},
	{"--path 'sglang-tpu:serverArguments[1]' 64", `"64"`},
	{"--path 'sglang-tpu:serverArguments[2]' -- --mem-fraction-static=0.75", `0.75"`},
	{"--path 'sglang-tpu:serverArguments[3]' -- --enable-metrics", `"--enable-metrics"`},
	{"--path sglang-tpu:serverEnvironment.SGLANG_HEALTH_CHECK_TIMEOUT 30", `"name":"SGLANG_HEALTH_CHECK_TIMEOUT","value":"30"`},
	{"trustRemoteCode false", `"my-org/my-model","--device"`},
	{"--secret hfToken hf_of_mine", `"hf-secret"`},
	{"--secret apiKey 1234567", `"sglang-api-key"`},
	{"--path sglang-tpu:image.source build", ""},
	{"--path sglang-tpu:image.repository https://github.com/my-org/sglang-jax.git", "https://github.com/my-org/sglang-jax.git"},
	{"--path sglang-tpu:image.commit 0123456789abcdef0123456789abcdef01234567", "0123456789abcdef0123456789abcdef01234567"},
	{"--path sglang-tpu:image.dockerfile docker/Dockerfile.runtime", "filename=docker/Dockerfile.runtime"},
	{"--path sglang-tpu:image.buildArgs.JOBS 4", "build-arg:JOBS=4"},
	{"--path sglang-tpu:image.buildArgs.DEBUG true", "build-arg:DEBUG=true"},
	{"--path sglang-tpu:cache.mode disk", ""},
	{"--path sglang-tpu:cache.sizeGiB 300", `"300Gi"`},
	{"--path sglang-tpu:cache.iops 8000", `"8000"`},
	{"--path sglang-tpu:cache.throughputMiB 1000", `"1000Mi"`},
	{"--plaintext --path sglang-tpu:gke.secretsKey projects/p/locations/us-central1/keyRings/r/cryptoKeys/k", `"projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"`},
	{"--path sglang-tpu:maintenance.window.start 01:00", `T01:00:00Z"`},
	{"--path sglang-tpu:maintenance.window.hours 6", ""},
	{"--path 'sglang-tpu:maintenance.window.days[0]' Saturday", "BYDAY=SA"},
	{"--path 'sglang-tpu:maintenance.window.days[1]' Sunday", "SU"},
	{"--path 'sglang-tpu:maintenance.exclusions[0].name' launch", `"exclusionName":"launch"`},
	{"--path 'sglang-tpu:maintenance.exclusions[0].start' 2027-01-01", `"2027-01-01T00:00:00Z"`},
	{"--path 'sglang-tpu:maintenance.exclusions[0].end' 2027-01-31", `"2027-01-31T00:00:00Z"`},
	{"--path 'sglang-tpu:maintenance.exclusions[0].scope' NO_MINOR_UPGRADES", `"NO_MINOR_UPGRADES"`},
	{"--path sglang-tpu:monitoring.enabled true", `::monitoring-dashboard"`},
	{"--path 'sglang-tpu:monitoring.channels[0]' projects/p/notificationChannels/7", `"notificationChannels":["projects/p/notificationChannels/7"]`},
	{"--path sglang-tpu:monitoring.image example/json-exporter:0.7.0", `"image":"example/json-exporter:0.7.0"`},
	{"--path sglang-tpu:systemPool.nodes 3", `"nodeCount":3`},
	{"--path sglang-tpu:network.nodes 10.1.0.0/20", `"10.1.0.0/20"`},
	{"--path sglang-tpu:network.pods 10.12.0.0/14", `"10.12.0.0/14"`},
	{"--path sglang-tpu:network.services 10.9.0.0/20", `"10.9.0.0/20"`},
	{"--path sglang-tpu:network.controlPlane 172.16.1.0/28", `"172.16.1.0/28"`},
	{"--path 'sglang-tpu:network.authorizedNetworks[0]' 203.0.113.7/32", `"203.0.113.7/32"`},
	{"--path sglang-tpu:labels.team 7", `"team":"7"`},
	{"--path sglang-tpu:labels.paid true", `"paid":"true"`},
	{"lwsChart CHART", ""}, // whose objects the preview has
	{"readyMinutes 90", `"failureThreshold":540`},
	{"protect true", `"protect":true`},
}

// onExisting are settings about existing resources, by stack.
var onExisting = map[string][]typed{
	"network": {
		{"gcp:project emulated-project", `"project":"emulated-project"`},
		{"gcp:zone us-central1-c", `"zone":"us-central1-c"`},
		{"--path sglang-tpu:network.existing.project network-team", `"projects/network-team/global/networks/corporate"`},
		{"--path sglang-tpu:network.existing.network corporate", ""},
		{"--path sglang-tpu:network.existing.subnetwork ml", `"projects/network-team/regions/us-central1/subnetworks/ml"`},
		{"--path sglang-tpu:network.existing.podsRange ml-pods", `"clusterSecondaryRangeName":"ml-pods"`},
		{"--path sglang-tpu:network.existing.servicesRange ml-services", `"servicesSecondaryRangeName":"ml-services"`},
		{"--path sglang-tpu:network.existing.firewallRule false", ""},
		{"--path sglang-tpu:serviceAccounts.nodes team-nodes@emulated-project.iam.gserviceaccount.com", `"serviceAccount":"team-nodes@emulated-project.iam.gserviceaccount.com"`},
		{"--path sglang-tpu:serviceAccounts.builder team-builder@emulated-project.iam.gserviceaccount.com", `"iam.gke.io/gcp-service-account":"team-builder@emulated-project.iam.gserviceaccount.com"`},
		{"grantOnExisting true", `::registry-reader"`},
		{"--path sglang-tpu:cache.bucket team-models", `"bucketName":"team-models"`},
		{"--path sglang-tpu:cache.prefix team-a/7", "only-dir=team-a/7"},
		{"--path sglang-tpu:image.registry projects/emulated-project/locations/us-central1/repositories/team-images", "us-central1-docker.pkg.dev/emulated-project/team-images/sglang-jax:"},
		{"namespace team-a", `"namespace":"team-a"`},
		{"--path sglang-tpu:adopt.slice-0 projects/emulated-project/locations/us-central1/clusters/team/nodePools/team-slice", `"op":"import"`},
		{"layer all", ""},
		{"lwsChart CHART", ""},
	},
	"cluster": {
		{"gcp:project emulated-project", ""},
		{"gcp:zone us-central1-c", ""},
		{"--path sglang-tpu:cluster.existing.name team", `"projects/emulated-project/locations/us-central1/clusters/team"`},
		{"--path sglang-tpu:cluster.existing.location us-central1", ""},
		{"--path 'sglang-tpu:cluster.existing.nodePools[0]' team-slice", `"values":["team-slice"]`},
		{"--path sglang-tpu:cluster.existing.leaderWorkerSet false", `"lws-system"`},
		{"lwsChart CHART", ""},
	},
}

// TestEverySettingWorksAsTyped sets all settings with the real CLI, which converts texts that
// look like numbers or booleans, and previews.
func TestEverySettingWorksAsTyped(t *testing.T) {
	parallel(t, 60)
	w := newWorld(t)
	w.emulator(t, "start")
	w.compile(t)

	var schema struct {
		Properties struct{ Config schemaNode }
	}
	require.NoError(t, load(filepath.Join(w.checkout, "schema", "environment.json"), &schema))
	layered := []typed{everySetting[0], everySetting[1], {"layer endpoint", ""}, {"platform organization/sglang-tpu/none", ""}}
	all := slices.Concat(everySetting, schema.Properties.Config.examples(slices.Concat(everySetting, layered, onExisting["network"], onExisting["cluster"])))
	require.Greater(t, len(all), len(everySetting))
	one := w.settingUp(t, "one")
	one.set(t, all)
	one.preview(t, all)

	rest := []typed{
		everySetting[0], everySetting[1],
		{"--path sglang-tpu:capacity.mode reservation", ""},
		{"--path sglang-tpu:capacity.reservation of-mine", `"of-mine"`},
		{"--path 'sglang-tpu:capacity.zones[0]' us-central1-c", `"nodeLocations":["us-central1-c"]`},
		{"--path 'sglang-tpu:capacityFallbacks[0].mode' reservation", `"nodepools":`},
		{"--path 'sglang-tpu:capacityFallbacks[0].reservation' another-of-mine", `"another-of-mine"`},
		{"--path 'sglang-tpu:capacityFallbacks[1].mode' flex-start", ""},
		{"--path 'sglang-tpu:capacityFallbacks[1].maxRunDuration' 72h", `"maxRunDuration":"259200s"`},
		{"--path 'sglang-tpu:capacityFallbacks[1].zones[0]' us-central1-b", `"nodeLocations":["us-central1-b"]`},
		{"--plaintext hfTokenSecret projects/p/secrets/hugging-face/versions/3", `projects/p/secrets/hugging-face`},
		{"--path sglang-tpu:image.source prebuilt", ""},
		{"--path sglang-tpu:image.reference example/sglang-jax:7", `"example/sglang-jax:7"`},
		{"lwsChart CHART", ""},
	}
	other := w.settingUp(t, "other")
	other.set(t, rest)
	other.preview(t, rest)

	third := w.settingUp(t, "third")
	mirror := []typed{
		everySetting[0], everySetting[1],
		{"model my-org/latent", `"my-org/latent"`},
		{"--path sglang-tpu:customModel.heads 128", ""},
		{"--path sglang-tpu:customModel.weightsGiB 100", ""},
		{"--path sglang-tpu:customModel.context 4096", ""},
		{"--path sglang-tpu:customModel.layers 60", ""},
		{"--path sglang-tpu:customModel.kvLoraRank 512", ""},
		{"--path sglang-tpu:customModel.qkRopeHeadDim 64", ""}, // refused, if it were not read: nothing else would be shown
		{"--path sglang-tpu:image.source mirror", ""},
		{"--path sglang-tpu:image.version 7", `sglang-jax:7"`},
		{"lwsChart CHART", ""},
	}
	third.set(t, mirror)
	third.preview(t, mirror)

	w.emulator(t, "ground", filepath.Join("emulator", "e2e", "testdata", "ground.yaml"))
	for name, all := range onExisting {
		stack := w.settingUp(t, name)
		stack.set(t, all)
		stack.preview(t, all)
	}
	endpoint := w.settingUp(t, "endpoint")
	endpoint.set(t, layered)
	assert.Contains(t, endpoint.run(t, "pulumi preview --color never 2>&1 || true"), `config sglang-tpu:platform: "organization/sglang-tpu/none" cannot be read (unknown stack "organization/sglang-tpu/none"); run pulumi up of a stack`)

	t.Run("none of the schema is left out", func(t *testing.T) {
		set := map[string]bool{}
		for _, s := range slices.Concat(all, rest, mirror, layered, onExisting["network"], onExisting["cluster"]) {
			set[s.path()] = true
		}
		paths := schema.Properties.Config.paths("")
		require.Greater(t, len(paths), 60)
		for _, path := range paths {
			assert.True(t, set[path], "nobody sets %s as a user does", path)
		}
	})
}

// schemaNode is a part of the JSON Schema of the settings.
type schemaNode struct {
	Properties map[string]schemaNode
	Items      *schemaNode
	Default    any
	Examples   []any
}

// examples returns the settings that are not in given and have an example: that of the schema,
// or the other truth value than the default. Examples that are texts must be in the preview;
// the program's unit tests cover the others.
func (n schemaNode) examples(given []typed) []typed {
	set := map[string]bool{}
	for _, s := range given {
		set[s.path()] = true
	}
	var all []typed
	for _, path := range n.paths("") {
		at := n
		for _, name := range strings.Split(path, ".") {
			if inside, ok := at.Properties["sglang-tpu:"+name]; ok {
				at = inside
			} else {
				at = at.Properties[name]
			}
		}
		if truth, ok := at.Default.(bool); ok {
			at.Examples = []any{!truth}
		}
		if set[path] || len(at.Examples) == 0 {
			continue
		}
		example := typed{set: fmt.Sprintf("--path sglang-tpu:%s %v", path, at.Examples[0])}
		if text, ok := at.Examples[0].(string); ok {
			example.shows = `"` + text + `"`
		}
		all = append(all, example)
	}
	return all
}

// paths returns the paths of all values, without list indices.
func (n schemaNode) paths(prefix string) []string {
	if n.Items != nil && n.Items.Properties != nil {
		n = *n.Items
	}
	var all []string
	for name, inside := range n.Properties {
		name = strings.TrimPrefix(name, "sglang-tpu:")
		if inside.Items == nil && inside.Properties == nil || inside.Items != nil && inside.Items.Properties == nil {
			all = append(all, prefix+name)
			continue
		}
		all = append(all, inside.paths(prefix+name+".")...)
	}
	return all
}

// path returns the path of the setting, without the program's namespace and list indices.
func (s typed) path() string {
	words := strings.Fields(strings.NewReplacer("--path ", "", "--secret ", "", "--plaintext ", "", "'", "", "sglang-tpu:", "").Replace(s.set))
	path := regexp.MustCompile(`\[\d+\]`).ReplaceAllString(words[0], "")
	for _, named := range []string{"adopt", "labels", "serverEnvironment", "image.buildArgs"} { // by their user
		if strings.HasPrefix(path, named+".") {
			return named
		}
	}
	return path
}

// blankStack is a separate stack without configuration.
type blankStack struct {
	w    *world
	name string
	dir  string
}

func (w *world) settingUp(t *testing.T, name string) blankStack {
	t.Helper()
	s := blankStack{w: w, name: name, dir: filepath.Join(w.root, "refusals", name)}
	require.NoError(t, os.MkdirAll(filepath.Join(s.dir, "state"), 0o700))
	s.run(t, "pulumi stack init --no-select --secrets-provider passphrase "+name)
	return s
}

// run runs a shell command in the project's folder and returns its output.
func (s blankStack) run(t *testing.T, line string) string {
	t.Helper()
	cmd := s.w.command(context.Background(), "bash", "-ec", line)
	cmd.Dir = filepath.Dir(s.dir)
	for _, pair := range s.w.environ("dev") {
		if n, _, _ := strings.Cut(pair, "="); n != "PULUMI_STACK" && n != "PULUMI_OPTION_CONFIG_FILE" && n != "PULUMI_BACKEND_URL" {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, "PULUMI_BACKEND_URL=file://"+filepath.Join(s.dir, "state"), "PULUMI_STACK="+s.name)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s\n%s", line, out, &stderr)
	return string(out)
}

func (s blankStack) set(t *testing.T, all []typed) {
	t.Helper()
	var lines []string
	for _, each := range all {
		lines = append(lines, "pulumi config set "+strings.Replace(each.set, "CHART", filepath.Join(s.w.root, "lws", "chart"), 1))
	}
	s.run(t, strings.Join(lines, "\n"))
}

func (s blankStack) preview(t *testing.T, all []typed) {
	t.Helper()
	out := s.run(t, "pulumi preview --json || true")
	var parsed any
	require.NoError(t, json.Unmarshal([]byte(out), &parsed), out)
	flat, err := json.Marshal(parsed)
	require.NoError(t, err)
	require.Contains(t, string(flat), `"changeSummary"`, out)
	for _, each := range all {
		assert.Contains(t, string(flat), each.shows, "pulumi config set %s", each.set)
	}
}
