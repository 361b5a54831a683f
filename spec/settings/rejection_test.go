package settings

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
)

// Every message names the key and the value, says why not, and what would help.
func TestInvalidSettingsAreRejected(t *testing.T) {
	const ours = "sglang-tpu:"
	for _, test := range []struct {
		key, value string
		says       []string
	}{
		{"gcp:project", "", []string{"gcp:project: is empty", "pulumi config set gcp:project"}},
		{"gcp:project", "My Project", []string{`"My Project" is not a project id`, "use the id"}},
		{"gcp:project", "123456789", []string{"not the name or number"}},
		{"gcp:project", "your-project-id", []string{`gcp:project: "your-project-id" is a placeholder for your project id; run: pulumi config set gcp:project PROJECT`}},
		{ours + "capacity", `{"mode":"reservation","reservation":"your-reservation"}`, []string{`"your-reservation" is a placeholder for the name of your reservation`, "pulumi config set --path sglang-tpu:capacity.reservation NAME"}},
		{ours + "capacity", `{"mode":"reservation","reservation":"projects/p/reservations/your-reservation"}`, []string{"is a placeholder for the name of your reservation"}},
		{"gcp:zone", "us-central1", []string{`"us-central1" is not a zone`, "us-central1-c"}},
		{"gcp:zone", " us-central1-c", []string{"has spaces around it", "remove them"}},
		{ours + "model", "gpt-4", []string{`"gpt-4" is not in the catalogue`, "Qwen/Qwen3-8B"}},
		{ours + "model", "meta-llama/Llama-3.1-405B-Instruct", []string{"hfToken: is empty", "a gated model", "accept its licence"}},
		{ours + "topology", "2x2", []string{`"2x2" is not a tpu7x topology`, "use 2x2x1, 2x2x2"}},
		{ours + "topology", "8x4x4", []string{"ascending order"}},
		{ours + "replicas", "two", []string{`"two" is not a whole number`, "use digits only"}},
		{ours + "replicas", "-1", []string{`"-1" is out of range`, "use 0 to 100 groups"}},
		{ours + "capacity", "spot", []string{"is not an object", "pulumi config set --path sglang-tpu:capacity.mode"}},
		{ours + "capacity", `{"mode":"cheap"}`, []string{`capacity.mode: "cheap" is not a capacity mode`, "use spot, on-demand"}},
		{ours + "capacity", `{"mode":"reservation"}`, []string{"capacity.reservation: is empty", "name the reservation"}},
		{ours + "capacity", `{"mode":"spot","reservation":"r"}`, []string{`"r" is allowed only with mode reservation, and mode is spot`}},
		{ours + "capacity", `{"mode":"reservation","reservation":"a/b"}`, []string{`"a/b" is not a reservation's name`}},
		{ours + "capacity", `{"mode":"spot","maxRunDuration":"72h"}`, []string{"is allowed only with mode flex-start"}},
		{ours + "capacity", `{"mode":"flex-start","maxRunDuration":"3 days"}`, []string{`"3 days" is not a duration`, "72h"}},
		{ours + "capacity", `{"mode":"flex-start","maxRunDuration":"169h"}`, []string{"seven days", "10m to 168h"}},
		{ours + "capacity", `{"mod":"spot"}`, []string{"capacity.mod: is not a setting", "use mode, reservation, maxRunDuration, zones"}},
		{ours + "capacity", `{"zones":["us-central1"]}`, []string{`capacity.zones[0]: "us-central1" is not a zone`}},
		{ours + "capacity", `{"zones":["us-central1-c","us-east5-a"]}`, []string{`capacity.zones[1]: "us-east5-a" is in another region than gcp:zone`, "use zones of us-central1"}},
		{ours + "capacity", `{"zones":["us-central1-c","us-central1-a","us-central1-c"]}`, []string{`capacity.zones[2]: "us-central1-c" is in the list twice`}},
		{ours + "capacity", `{"zones":"us-central1-c"}`, []string{`capacity.zones: "us-central1-c" has the wrong type`, "a list"}},
		{ours + "capacity", `{"mode":"reservation","reservation":"r","zones":["us-central1-c","us-central1-a"]}`, []string{`capacity.zones: "us-central1-c us-central1-a" are more than one zone, but a reservation is in one zone`}},
		{ours + "capacityFallbacks", `{"mode":"on-demand"}`, []string{"capacityFallbacks: ", "is not a list", "pulumi config set --path 'sglang-tpu:capacityFallbacks[0].mode' VALUE"}},
		{ours + "capacityFallbacks", `["on-demand"]`, []string{`capacityFallbacks[0]: "on-demand" has the wrong type`, "it must be an object"}},
		{ours + "capacityFallbacks", `[{"mode":"cheap"}]`, []string{`capacityFallbacks[0].mode: "cheap" is not a capacity mode`, "use spot, on-demand"}},
		{ours + "capacityFallbacks", `[{"zone":"us-central1-c"}]`, []string{"capacityFallbacks[0].zone: is not a setting", "did you mean zones?"}},
		{ours + "capacityFallbacks", `[{"mode":"reservation"}]`, []string{"capacityFallbacks[0].reservation: is empty"}},
		{ours + "capacityFallbacks", `[{"mode":"reservation","reservation":"your-reservation"}]`, []string{"is a placeholder", "pulumi config set --path sglang-tpu:capacityFallbacks[0].reservation NAME"}},
		{ours + "capacityFallbacks", `[{"mode":"spot"}]`, []string{"capacityFallbacks[0]: is the same as sglang-tpu:capacity; remove one of the two"}},
		{ours + "capacityFallbacks", `[{"mode":"on-demand"},{"mode":"on-demand","zones":["us-central1-c"]}]`, []string{"capacityFallbacks[1]: is the same as sglang-tpu:capacityFallbacks[0]"}},
		{ours + "capacityFallbacks", `[{"mode":"flex-start"},{"mode":"on-demand"}]`, []string{`capacityFallbacks[0].mode: "flex-start" waits in Google's queue for up to seven days`, "put it last"}},
		{ours + "capacityFallbacks", `[{"mode":"reservation","reservation":"r"},{"mode":"reservation","reservation":"r","zones":["us-central1-a"]}]`, []string{`capacityFallbacks[1].zones: "us-central1-a" differs from the zone of the same reservation in sglang-tpu:capacityFallbacks[0]: us-central1-c`}},
		{ours + "capacityFallbacks", `[{"mode":"on-demand","maxRunDuration":"72h"}]`, []string{"capacityFallbacks[0].maxRunDuration", "is allowed only with mode flex-start"}},
		{ours + "capacity", `{"mode":"spot"} x`, []string{"has text after the object"}},
		{ours + "image", `{"source":"docker"}`, []string{`"docker" is not an image source`, "use build, mirror or prebuilt"}},
		{ours + "image", `{"source":"prebuilt"}`, []string{"image.reference: is empty"}},
		{ours + "image", `{"source":"prebuilt","reference":"x","commit":"y"}`, []string{"are allowed only with source build"}},
		{ours + "image", `{"reference":"x"}`, []string{`"x" is allowed only with source prebuilt`}},
		{ours + "image", `{"commit":"main"}`, []string{`"main" is not a commit`, "40 hexadecimal digits"}},
		{ours + "image", `{"repository":"git@github.com:a/b"}`, []string{"is not an https address"}},
		{ours + "image", `{"repository":"https://github.com/a/b.git"}`, []string{"image.commit: is empty, but image.repository is set", "pulumi config set --path sglang-tpu:image.commit COMMIT"}},
		{ours + "cache", `{"sizeGiB":"big"}`, []string{`cache.sizeGiB: "big" has the wrong type`, "a whole number"}},
		{ours + "cache", `{"mode":"disk","sizeGiB":-1}`, []string{`"-1" is out of range`, "use 0 to 65536 GiB"}},
		{ours + "cache", `{"mode":"disk","sizeGiB":61}`, []string{`"61" does not hold the weights`, "use 122"}},
		{ours + "cache", `{"mode":"disk","iops":100}`, []string{`"100" is out of range`}},
		{ours + "cache", `{"mode":"disk","iops":3000}`, []string{"a quarter of cache.iops (3000)", "use at most 750, or raise cache.iops to 4800"}},
		{ours + "cache", `{"mode":"disk","throughputMiB":9000}`, []string{`"9000" is out of range`, "use 140 to 2400"}},
		{ours + "cache", `{"mode":"ram"}`, []string{`cache.mode: "ram" is not a cache mode`, "use gcs or disk"}},
		{ours + "cache", `{"sizeGiB":500}`, []string{`cache.sizeGiB: "500" is allowed only with mode disk`, "pulumi config set --path sglang-tpu:cache.mode disk"}},
		{ours + "modelRevision", "a b", []string{`"a b" is not a revision`, "use main, a tag, or a commit"}},
		{ours + "image", `{"source":"mirror"}`, []string{"image.version: is empty", "v0.1.0"}},
		{ours + "image", `{"source":"mirror","version":"latest"}`, []string{`"latest" can move`, "use a version"}},
		{ours + "image", `{"source":"mirror","version":"v 1"}`, []string{`"v 1" is neither a tag nor a digest`}},
		{ours + "image", `{"source":"mirror","version":"v0.1.0","reference":"x"}`, []string{`"x" is allowed only with source prebuilt`}},
		{ours + "image", `{"version":"v0.1.0"}`, []string{`"v0.1.0" is allowed only with source mirror`}},
		{ours + "image", `{"keepVersions":10,"keepDays":30}`, []string{
			`image.keepVersions: "10" has no effect: image tags are immutable`, "pulumi config rm --path sglang-tpu:image.keepVersions",
			`image.keepDays: "30" has no effect`,
		}},
		{ours + "image", `{"keep":10}`, []string{"image.keep: is not a setting", "use source, repository, commit, dockerfile, buildArgs, version, reference"}},
		{ours + "serverArguments", `["--revision","v1"]`, []string{"the weights are downloaded for sglang-tpu:modelRevision"}},
		{ours + "gke", `{"releaseChannel":"LATEST"}`, []string{`"LATEST" is not a release channel`, "RAPID, REGULAR or STABLE"}},
		{ours + "gke", `{"minVersion":"latest"}`, []string{`"latest" is not a GKE version`}},
		{ours + "gke", `{"minVersion":"1.33"}`, []string{`"1.33" does not support tpu7x`, "use 1.35 or newer"}},
		{ours + "systemPool", `{"nodes":0}`, []string{`systemPool.nodes: "0" is out of range`}},
		{ours + "systemPool", `{"machineType":""}`, []string{"systemPool.machineType: is empty", "e2-standard-8"}},
		{ours + "network", `{"pods":"10.4.0.0"}`, []string{`network.pods: "10.4.0.0" is not an IPv4 range`}},
		{ours + "network", `{"pods":"10.4.0.1/14"}`, []string{"whose host bits are zero"}},
		{ours + "network", `{"pods":"10.0.0.0/14"}`, []string{"overlaps sglang-tpu:network.nodes"}},
		{ours + "network", `{"controlPlane":"172.16.0.0/24"}`, []string{"is not a /28"}},
		{ours + "network", `{"authorizedNetworks":["0.0.0.0/0"]}`, []string{"authorizedNetworks[0]", "every address"}},
		{ours + "network", `{"authorizedNetworks":["home"]}`, []string{`"home" is not a range`}},
		{ours + "network", `{"authorizedNetworks":"203.0.113.7/32"}`, []string{"authorizedNetworks", "has the wrong type", "a list"}},
		{ours + "gke", `{"secretsKey":"my-key"}`, []string{`gke.secretsKey: "my-key" is not a Cloud KMS key; use projects/P/`}},
		{ours + "gke", `{"secretsKey":"projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k"}`, []string{"is not in the cluster's region; use a key in us-central1"}},
		{ours + "hfTokenSecret", "my-secret", []string{`config sglang-tpu:hfTokenSecret: "my-secret" does not name a version of a secret; use projects/PROJECT/secrets/NAME/versions/NUMBER`}},
		{ours + "labels", `{"Team":"x"}`, []string{`labels.Team: "x" is not a Google Cloud label`}},
		{ours + "labels", `["x"]`, []string{"is not an object"}},
		{ours + "labels", `{"team":{"a":1}}`, []string{"config sglang-tpu:labels.team:", "has the wrong type; it must be a string"}},
		{ours + "cache", `{"sizeGiB":1.5}`, []string{`cache.sizeGiB: "1.5" has the wrong type`, "a whole number"}},
		{ours + "image", `{"buildArgs":{"A":["b"]}}`, []string{"config sglang-tpu:image.buildArgs.A:", "it must be a string"}},
		{ours + "customModel", `{"gated":"perhaps"}`, []string{`customModel.gated: "perhaps" has the wrong type`, "true or false"}},
		{ours + "lwsChart", "", []string{"lwsChart: is empty"}},
		{"gcp:region", "europe-west4", []string{`"europe-west4" is not the region of gcp:zone, which is us-central1`}},
		{ours + "model", "Qwen/Qwen3-8b", []string{"did you mean Qwen/Qwen3-8B?"}},
		{ours + "customModel", `{"heads":8}`, []string{"whose numbers are in the catalogue"}},
		{ours + "capacity", `{"mod":"spot"}`, []string{"did you mean mode?"}},
		{ours + "serverArguments", "--page-size", []string{"serverArguments:", "is not a list", "sglang-tpu:serverArguments[0]"}},
		{ours + "serverArguments", `[["--page-size"]]`, []string{"serverArguments[0]", "is not a string"}},
		{ours + "serverArguments", `["--tp-size","8"]`, []string{"config sglang-tpu:serverArguments:", "the number of devices of the topology"}},
		{ours + "serverArguments", `["--dp","4"]`, []string{"is ambiguous: it could be --dp-size or --dp-schedule-policy"}},
		{ours + "serverEnvironment", `{"HF_TOKEN":"hf_x"}`, []string{"serverEnvironment.HF_TOKEN: cannot be set", "sglang-tpu:hfToken"}},
		{ours + "serverEnvironment", `{"1X":"y"}`, []string{"serverEnvironment.1X: is not the name of a variable"}},
		{ours + "serverArguments", `["--page-size","a"]`, []string{`--page-size "a" is not a whole number`}},
		{ours + "serverArguments", `["--page-size"]`, []string{"--page-size takes one value"}},
		{ours + "serverArguments", `["--page-size",0]`, []string{"--page-size 0 is not allowed"}},
		{ours + "serverArguments", `["--mem-fraction-static","most"]`, []string{`--mem-fraction-static "most" is not a number`}},
		{ours + "serverArguments", `["--max-running-requests",1]`, []string{"config sglang-tpu:serverArguments: --max-running-requests 1 is less than the data parallelism of 2"}},
		{ours + "serverArguments", `["--chunked-prefill-size",100]`, []string{"config sglang-tpu:serverArguments: --chunked-prefill-size 100 is not a multiple of --page-size 128; use 128"}},
		{ours + "leaderWorkerSet", "Coder", []string{"is not a valid Kubernetes name"}},
		{ours + "leaderWorkerSet", strings.Repeat("a", 51), []string{"use at most 50"}},
		{ours + "leaderWorkerSet", "", []string{"leaderWorkerSet: is empty"}},
		{ours + "readyMinutes", "-1", []string{`"-1" is out of range`, "0 to 10080 minutes"}},
		{ours + "protect", "yes", []string{`"yes" is neither true nor false`}},
	} {
		t.Run(test.key+"="+test.value, func(t *testing.T) {
			c, err := load(coder(t).With(test.key, test.value))
			require.Error(t, err)
			assert.Nil(t, c)
			for _, part := range test.says {
				assert.ErrorContains(t, err, part)
			}
		})
	}
}

func TestAModelThatDoesNotFitIsRejectedWithATopologyThatFits(t *testing.T) {
	_, err := load(coder(t).With("sglang-tpu:model", "Qwen/Qwen3-235B-A22B", "sglang-tpu:topology", "1x1x1"))
	require.ErrorContains(t, err, "config sglang-tpu:model: Qwen/Qwen3-235B-A22B needs 438 GiB")
	assert.ErrorContains(t, err, "use 2x2x1")
}

func TestAllProblemsAreReportedTogether(t *testing.T) {
	_, err := load(coder(t).With(
		"gcp:project", "", "sglang-tpu:model", "gpt-4", "sglang-tpu:topology", "2x2", "sglang-tpu:replicas", "two",
		"sglang-tpu:capacity", `{"mode":3}`, "sglang-tpu:image", `{"source":"docker"}`, "sglang-tpu:network", `{"pods":"x"}`,
		"sglang-tpu:gke", `{"minVersion":"1.33"}`, "sglang-tpu:labels", `{"Team":"x"}`, "sglang-tpu:protect", "yes",
	))
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	assert.Len(t, lines, 10, "one line for each:\n%s", err)
	for _, line := range lines {
		assert.True(t, strings.HasPrefix(line, "config "), line)
		assert.Contains(t, line, "; ", "what would help")
	}
}

// A user who corrects all that is said is done: nothing comes up only then, and nothing is said
// that follows from another mistake.
func TestAllThatIsWrongInOneObjectIsSaidAtOnce(t *testing.T) {
	for _, test := range []struct {
		key, value string
		says       []string // the beginning of each line
	}{
		{"cache", `{"colour":"red","mode":"disk","iops":200000,"sizeGiB":-1}`, []string{
			"config sglang-tpu:cache.colour: is not a setting", `config sglang-tpu:cache.iops: "200000" is out of range`, `config sglang-tpu:cache.sizeGiB: "-1" is out of range`,
		}},
		// The misspelt field counts: otherwise sizeGiB would be said to need mode disk.
		{"cache", `{"mod":"disk","sizeGiB":500}`, []string{"config sglang-tpu:cache.mod: is not a setting (did you mean mode?)"}},
		{"capacity", `{"mod":"cheap"}`, []string{"config sglang-tpu:capacity.mod: is not a setting", `config sglang-tpu:capacity.mode: "cheap" is not a capacity mode`}},
		{"capacity", `{"mode":"reservation","reservaton":"r"}`, []string{"config sglang-tpu:capacity.reservaton: is not a setting"}},
		{"capacity", `{"mode":"spot","mod":"on-demand"}`, []string{"config sglang-tpu:capacity.mod: is not a setting"}},
		{"capacityFallbacks", `[{"zone":["us-east5-a"],"mode":"on-demand"}]`, []string{
			"config sglang-tpu:capacityFallbacks[0].zone: is not a setting", `config sglang-tpu:capacityFallbacks[0].zones[0]: "us-east5-a" is in another region`,
		}},
		// A field of the wrong type says nothing of what goes with it.
		{"cache", `{"mode":["disk"],"sizeGiB":500,"iops":1}`, []string{`config sglang-tpu:cache.mode: "[\"disk\"]" has the wrong type`, `config sglang-tpu:cache.iops: "1" is out of range`}},
		{"labels", `{"team":["a"],"Team":"b"}`, []string{"config sglang-tpu:labels.team: ", `config sglang-tpu:labels.Team: "b" is not a Google Cloud label`}},
	} {
		_, err := load(coder(t).With("sglang-tpu:"+test.key, test.value))
		require.Error(t, err, test.value)
		lines := strings.Split(err.Error(), "\n")
		assert.Len(t, lines, len(test.says), "%s", err)
		for _, begins := range test.says {
			assert.True(t, slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, begins) }), "%s\n%s", begins, err)
		}
	}
}

func TestAModelOutsideTheCatalogueIsPlannedByItsNumbers(t *testing.T) {
	const numbers = `{"heads":24,"weightsGiB":40,"context":65536,"experts":64}`
	c, err := load(coder(t).With("sglang-tpu:model", "my-org/my-model", "sglang-tpu:customModel", numbers))
	require.NoError(t, err)
	assert.Equal(t, 2, c.Plan.DP, "24 heads do not divide by 16")
	assert.Equal(t, 16, c.Plan.EP)
	assert.Equal(t, 512, c.Plan.Requests, "two data parallel ranks of 256; the cache is not known")
	require.Len(t, c.Warnings, 2)
	assert.Contains(t, c.Warnings[1].Error(), "customModel: does not set layers, kvHeads, headSize, so the plan's requestsAtOnce is only the limit of the page table")

	for numbers, tokens := range map[string]int{
		// Half of 16 devices hold one of 8 heads each; a sixteenth of 40 GiB is on each.
		`"layers":48,"kvHeads":8,"headSize":128`:          2 * 3581696,
		`"layers":48,"kvLoraRank":512,"qkRopeHeadDim":64`: 2 * 1432704,
	} {
		c, err = load(coder(t).With("sglang-tpu:model", "my-org/my-model",
			"sglang-tpu:customModel", `{"heads":24,"weightsGiB":40,"repositoryGiB":44,"context":65536,"experts":64,`+numbers+`}`))
		require.NoError(t, err)
		assert.Equal(t, tokens, c.Plan.CacheTokens, numbers)
		assert.Equal(t, 44, c.Model.RepositoryGiB)
		assert.Len(t, c.Warnings, 1)
	}
	for numbers, want := range map[string]string{
		`"layers":48,"headSize":128`:           "customModel.kvHeads: is missing: without it, the size of a token in the key-value cache is unknown; set kvHeads",
		`"kvLoraRank":512`:                     "set layers, qkRopeHeadDim to the values in config.json",
		`"layers":-1,"kvHeads":8,"headSize":1`: `customModel.layers: "-1" is too small`,
		`"repositoryGiB":39`:                   `customModel.repositoryGiB: "39" is less than the weights, which are 40 GiB`,
	} {
		_, err = load(coder(t).With("sglang-tpu:model", "my-org/my-model",
			"sglang-tpu:customModel", `{"heads":24,"weightsGiB":40,"context":65536,`+numbers+`}`))
		assert.ErrorContains(t, err, want, numbers)
	}

	_, err = load(coder(t).With("sglang-tpu:model", "mine", "sglang-tpu:customModel", `{"gated":true}`))
	for _, want := range []string{
		`model: "mine" is not a Hugging Face id`, `customModel.heads: "0"`, `customModel.weightsGiB: "0"`, `customModel.context: "0"`,
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestAnUnknownSettingIsRejected(t *testing.T) {
	values := coder(t)
	_, err := Load(Source{
		Get: func(key string) (string, bool) { v, ok := values[key]; return v, ok },
		Keys: []string{
			"sglang-tpu:mode1", "sglang-tpu:model", "sglang-tpu:colour", "gcp:credentials", "gcp:zone",
			"pulumi:disable-default-providers", "aws:region", "sglangtpu:replicas",
		},
	})
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 4, "%s", err)
	assert.Contains(t, lines[0], "gcp:credentials: is not a setting; remove it; credentials come from: gcloud auth application-default login")
	assert.Contains(t, lines[1], "sglang-tpu:colour: is not a setting; remove it, or use one of model")
	assert.Contains(t, lines[2], "sglang-tpu:mode1: is not a setting (did you mean model?)")
	assert.Contains(t, lines[3], "sglangtpu:replicas: is in a namespace that this program does not read (did you mean sglang-tpu?); use sglang-tpu:replicas")
}

// What is read and what may be set are one list.
func TestEverySettingIsRead(t *testing.T) {
	values := coder(t)
	asked := map[string]bool{}
	_, err := Load(Source{
		Get:      func(key string) (string, bool) { asked[key] = true; v, ok := values[key]; return v, ok },
		IsSecret: func(string) bool { return true },
	})
	require.NoError(t, err)
	assert.ElementsMatch(t, Keys(), slices.Collect(maps.Keys(asked)))
}

func TestUnexpectedEffectsAreWarnings(t *testing.T) {
	c, err := load(coder(t).With("gcp:zone", "europe-west4-b", "sglang-tpu:image", `{"source":"prebuilt","reference":"example/sglang-jax:latest"}`))
	require.NoError(t, err)
	require.Len(t, c.Warnings, 3)
	assert.Contains(t, c.Warnings[0].Error(), "tpu7x in europe-west4-b")
	assert.Contains(t, c.Warnings[1].Error(), `"example/sglang-jax:latest" is a tag, which can move`)
	assert.Contains(t, c.Warnings[2].Error(), "logprobs")

	whole := undivided(t)
	c, err = load(whole.With("sglang-tpu:capacity", `{"mode":"flex-start"}`, "sglang-tpu:gke", `{"secretsKey":"projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"}`))
	require.NoError(t, err)
	require.Len(t, c.Warnings, 2)
	assert.Contains(t, c.Warnings[0].Error(), "config sglang-tpu:capacity.mode: with flex-start only the leader of each group requests its slice of 2 hosts")
	assert.Contains(t, c.Warnings[1].Error(), "config sglang-tpu:gke.secretsKey: GKE 1.35 and newer report the cluster's databaseEncryption.state as ALL_OBJECTS_ENCRYPTION_ENABLED")

	for _, quiet := range [][]string{
		{"sglang-tpu:capacity", `{"mode":"flex-start"}`, "sglang-tpu:topology", "2x2x1"},
		{"sglang-tpu:capacity", `{"mode":"flex-start"}`, "sglang-tpu:replicas", "0"},
	} {
		c, err = load(whole.With(quiet...))
		require.NoError(t, err)
		assert.Empty(t, c.Warnings, "%v", quiet)
	}

	c, err = load(whole.With("sglang-tpu:image", `{"source":"prebuilt","reference":"example/sglang-jax@sha256:0000"}`))
	require.NoError(t, err)
	assert.Empty(t, c.Warnings)
}

func TestDataParallelismOverSeveralHostsIsAWarning(t *testing.T) {
	for name, test := range map[string]struct {
		change []string
		says   string // nothing: no warning
	}{
		"a default image":   {nil, "config sglang-tpu:topology: 2x2x2 has 2 data parallel ranks on 2 hosts: a request with logprobs ends the group (sglang-jax issue 1400); topology 2x2x1 avoids it"},
		"another commit":    {[]string{"sglang-tpu:image", `{"commit":"0123456789012345678901234567890123456789"}`}, "may end the group"},
		"another image":     {[]string{"sglang-tpu:image", `{"source":"mirror","version":"v0.1.0"}`}, "may end the group"},
		"one host":          {[]string{"sglang-tpu:topology", "2x2x1"}, ""},
		"one rank":          {[]string{"sglang-tpu:model", "Qwen/Qwen3-8B"}, ""},
		"no other topology": {[]string{"sglang-tpu:model", "deepseek-ai/DeepSeek-V3"}, "ends the group (sglang-jax issue 1400)"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := load(coder(t).With(test.change...))
			require.NoError(t, err)
			if test.says == "" {
				assert.Empty(t, c.Warnings)
				return
			}
			require.Len(t, c.Warnings, 1)
			assert.Contains(t, c.Warnings[0].Error(), test.says)
			assert.Less(t, len(c.Warnings[0].Error()), 170, "every run of the default configuration shows it")
		})
	}
}

func TestACacheForLessThanOneRequestIsAWarning(t *testing.T) {
	c, err := load(coder(t).With("sglang-tpu:topology", "2x2x1", "sglang-tpu:serverArguments", `["--max-total-tokens",12800]`))
	require.NoError(t, err)
	require.Len(t, c.Warnings, 1)
	assert.Contains(t, c.Warnings[0].Error(), "leaves room for 12800 tokens in the key-value cache of Qwen/Qwen2.5-Coder-32B-Instruct, less than one request of full length (32768 tokens)")
}

// undivided is a configuration whose model needs no data parallelism on the default
// topology, so that no warning speaks of it.
func undivided(t *testing.T) configtest.Values {
	t.Helper()
	return coder(t).With("sglang-tpu:model", "Qwen/Qwen3-32B")
}
