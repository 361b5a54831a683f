package settings

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/serverimage"
	"sglang-tpu/spec/storage"
)

func load(values configtest.Values, secrets ...string) (*Config, error) {
	return Load(Source{
		Get:      func(key string) (string, bool) { v, ok := values[key]; return v, ok },
		IsSecret: func(key string) bool { return slices.Contains(secrets, key) },
	})
}

// problemsIn returns what one check finds in settings.
func problemsIn(s Settings, check func(*loader), secrets ...string) problem.List {
	l := newLoader(Source{IsSecret: func(key string) bool { return slices.Contains(secrets, key) }})
	l.Settings = s
	check(l)
	return l.found
}

// coder sets a model whose numbers the tests know, whatever the default model is.
func coder(t *testing.T) configtest.Values {
	t.Helper()
	return configtest.Minimal(t).With("sglang-tpu:model", "Qwen/Qwen2.5-Coder-32B-Instruct")
}

func TestDefaultsServeTheTutorialsModelOnOneSpotSlice(t *testing.T) {
	c, err := load(configtest.Minimal(t))
	require.NoError(t, err)

	assert.Equal(t, "my-project", c.Project)
	assert.Equal(t, "us-central1", c.Region)
	assert.Equal(t, "Qwen/Qwen2.5-Coder-32B-Instruct", c.Model.ID)
	assert.Equal(t, "2x2x2", c.Topology.String())
	assert.Equal(t, 16, c.Plan.TP, "the tutorial's 8 is half of the devices")
	assert.Equal(t, 2, c.Plan.DP, "40 heads do not divide by 16")
	assert.Equal(t, 1, c.Replicas)
	assert.Equal(t, capacity.Capacity{Mode: "spot"}, c.Capacity)
	assert.True(t, c.TrustRemoteCode)
	assert.Empty(t, c.ServerEnvironment)
	assert.Empty(t, c.HFToken)
	assert.Equal(t, serverimage.Image{Source: "build", Inputs: serverimage.Default()}, c.Image)
	assert.Equal(t, storage.Cache{Mode: "gcs"}, c.Cache)
	assert.Equal(t, "main", c.Revision)
	assert.Equal(t, gke.ControlPlane{ReleaseChannel: "REGULAR", MinVersion: "1.35"}, c.GKE)
	assert.Equal(t, gke.SystemPool{MachineType: "e2-standard-8", Nodes: 1}, c.SystemPool)
	assert.Equal(t, gke.Network{Nodes: "10.0.0.0/20", Pods: "10.4.0.0/14", Services: "10.8.0.0/20", ControlPlane: "172.16.0.0/28", Existing: gke.ExistingNetwork{FirewallRule: true}}, c.Network)
	assert.Empty(t, c.Labels)
	assert.Equal(t, "oci://registry.k8s.io/lws/charts/lws", c.LWSChart)
	assert.Equal(t, time.Hour, c.Ready)
	assert.False(t, c.Protect)
}

func TestValuesReachTheirFields(t *testing.T) {
	for _, test := range []struct {
		key, value string
		got        func(*Config) any
		want       any
	}{
		{"gcp:zone", "us-central1-ai1a", func(c *Config) any { return c.Region }, "us-central1"},
		{"sglang-tpu:model", "Qwen/Qwen3-8B", func(c *Config) any { return c.Model.ID }, "Qwen/Qwen3-8B"},
		{"sglang-tpu:topology", "2x2x4", func(c *Config) any { return c.Plan.Devices }, 32},
		{"sglang-tpu:replicas", "0", func(c *Config) any { return c.Replicas }, 0},
		{"sglang-tpu:capacity", `{"mode":"flex-start","maxRunDuration":"72h"}`, func(c *Config) any { return c.Capacity.MaxRunSeconds() }, "259200s"},
		{"sglang-tpu:capacity", `{"mode":"flex-start"}`, func(c *Config) any { return c.Capacity.MaxRunSeconds() }, ""},
		{"sglang-tpu:capacity", `{"mode":"reservation","reservation":"projects/p/reservations/r/reservationBlocks/b"}`, func(c *Config) any { return c.Capacity.Reservation }, "projects/p/reservations/r/reservationBlocks/b"},
		{"sglang-tpu:image", `{"source":"prebuilt","reference":"lmsysorg/sglang-jax:v0.1.0"}`, func(c *Config) any { return c.Image.Reference }, "lmsysorg/sglang-jax:v0.1.0"},
		{"sglang-tpu:image", `{"commit":"0123456789012345678901234567890123456789","buildArgs":{"A":"b"}}`, func(c *Config) any { return c.Image.BuildArgs }, map[string]string{"A": "b"}},
		{"sglang-tpu:image", `{"source":"mirror","version":"v0.1.0"}`, func(c *Config) any { return c.Image.Version }, "v0.1.0"},
		{"sglang-tpu:modelRevision", "v1.0", func(c *Config) any { return c.Revision }, "v1.0"},
		{"sglang-tpu:cache", `{"mode":"disk"}`, func(c *Config) any { return c.Cache }, storage.Cache{Mode: "disk", Disk: storage.Disk{SizeGiB: 200, IOPS: 10000, ThroughputMiB: 1200}}},
		{"sglang-tpu:cache", `{"mode":"disk","sizeGiB":500}`, func(c *Config) any { return c.Cache }, storage.Cache{Mode: "disk", Disk: storage.Disk{SizeGiB: 500, IOPS: 10000, ThroughputMiB: 1200}}},
		{"sglang-tpu:gke", `{"releaseChannel":"RAPID"}`, func(c *Config) any { return c.GKE }, gke.ControlPlane{ReleaseChannel: "RAPID", MinVersion: "1.35"}},
		{"sglang-tpu:gke", `{"minVersion":"1.34.0-gke.2201000"}`, func(c *Config) any { return c.GKE.MinVersion }, "1.34.0-gke.2201000"},
		{"sglang-tpu:systemPool", `{"nodes":3}`, func(c *Config) any { return c.SystemPool }, gke.SystemPool{MachineType: "e2-standard-8", Nodes: 3}},
		{"sglang-tpu:network", `{"authorizedNetworks":["203.0.113.7/32"]}`, func(c *Config) any { return c.Network.AuthorizedNetworks }, []string{"203.0.113.7/32"}},
		{"sglang-tpu:labels", `{"team":"serving"}`, func(c *Config) any { return c.Labels }, map[string]string{"team": "serving"}},
		{"sglang-tpu:lwsChart", "./charts/lws", func(c *Config) any { return c.LWSChart }, "./charts/lws"},
		{"sglang-tpu:capacity", `{"mode":"flex-start"}`, func(c *Config) any { return c.Ready }, 24 * time.Hour},
		{"sglang-tpu:leaderWorkerSet", "coder", func(c *Config) any { return c.LeaderWorkerSet }, "coder"},
		{"sglang-tpu:serverArguments", `["--page-size",64,"--enable-metrics"]`, func(c *Config) any { return c.Arguments[len(c.Arguments)-3:] }, serverargs.List{{Flag: "--page-size", Values: []string{"64"}}, {Flag: "--mem-fraction-static", Values: []string{"0.88"}}, {Flag: "--enable-metrics"}}},
		{"sglang-tpu:serverArguments", `["--page-size","6_4"]`, func(c *Config) any { return strings.Join(c.Plan.Arguments().Words(), " ") }, "--tp-size 16 --dp-size 2 --page-size 64 --mem-fraction-static 0.88"},
		{"sglang-tpu:serverEnvironment", `{"SGLANG_HEALTH_CHECK_TIMEOUT":"30"}`, func(c *Config) any { return c.ServerEnvironment }, map[string]string{"SGLANG_HEALTH_CHECK_TIMEOUT": "30"}},
		{"sglang-tpu:trustRemoteCode", "false", func(c *Config) any { return c.TrustRemoteCode }, false},
		{"sglang-tpu:serverArguments", `["--context-length","8192"]`, func(c *Config) any { return c.Plan.RequestsCap }, 4096},
		{"sglang-tpu:serverArguments", `["--kv-cache-dtype","bf16","--max-total-tokens","65536"]`, func(c *Config) any { return c.Plan.CacheTokens }, 131072},
		{"sglang-tpu:serverArguments", `["--max-running-requests","16"]`, func(c *Config) any { return c.Plan.Requests }, 16},
		{"gcp:region", "us-central1", func(c *Config) any { return c.Region }, "us-central1"},
		{"sglang-tpu:readyMinutes", "90", func(c *Config) any { return c.Ready }, 90 * time.Minute},
		{"sglang-tpu:protect", "true", func(c *Config) any { return c.Protect }, true},
	} {
		t.Run(test.key+"="+test.value, func(t *testing.T) {
			c, err := load(coder(t).With(test.key, test.value))
			require.NoError(t, err)
			assert.Equal(t, test.want, test.got(c))
		})
	}
}

// pulumi config set --path makes a number or truth value of whatever looks like one, and
// people who write the file put quotes around numbers.
func TestScalarsAreConvertedToTheFieldsType(t *testing.T) {
	for _, test := range []struct {
		key, value string
		got        func(*Config) any
		want       any
	}{
		{"sglang-tpu:labels", `{"team":7,"spot":true,"cost":"12"}`, func(c *Config) any { return c.Labels }, map[string]string{"team": "7", "spot": "true", "cost": "12"}},
		{"sglang-tpu:image", `{"buildArgs":{"A":1,"B":false,"C":1.50}}`, func(c *Config) any { return c.Image.BuildArgs }, map[string]string{"A": "1", "B": "false", "C": "1.50"}},
		{"sglang-tpu:gke", `{"minVersion":1.35}`, func(c *Config) any { return c.GKE.MinVersion }, "1.35"},
		{"sglang-tpu:image", `{"commit":1234567890123456789012345678901234567890}`, func(c *Config) any { return c.Image.Commit }, "1234567890123456789012345678901234567890"},
		{"sglang-tpu:systemPool", `{"nodes":"3"}`, func(c *Config) any { return c.SystemPool.Nodes }, 3},
		{"sglang-tpu:cache", `{"mode":"disk","sizeGiB":"500"}`, func(c *Config) any { return c.Cache.SizeGiB }, 500},
		{"sglang-tpu:serverArguments", `["--page-size",64,"--schedule-conservativeness",1.0]`, func(c *Config) any { return c.Plan.CacheTokens > 0 }, true},
	} {
		t.Run(test.key+"="+test.value, func(t *testing.T) {
			c, err := load(coder(t).With(test.key, test.value))
			require.NoError(t, err)
			assert.Equal(t, test.want, test.got(c))
		})
	}
	c, err := load(coder(t).With("sglang-tpu:model", "a/b",
		"sglang-tpu:customModel", `{"heads":"32","weightsGiB":"20","context":"4096","gated":"false"}`))
	require.NoError(t, err)
	assert.Equal(t, 32, c.Model.Heads)
}

func TestAVolumeHoldsTheWeightsTwice(t *testing.T) {
	c, err := load(coder(t).With("sglang-tpu:model", "Qwen/Qwen3-235B-A22B", "sglang-tpu:cache", `{"mode":"disk"}`))
	require.NoError(t, err)
	assert.Equal(t, 876, c.Cache.SizeGiB)

	c, err = load(coder(t).With("sglang-tpu:model", "deepseek-ai/DeepSeek-V3", "sglang-tpu:cache", `{"mode":"disk"}`))
	require.NoError(t, err)
	assert.Equal(t, 1282, c.Cache.SizeGiB, "of the repository, which holds more than is loaded")
}

func TestTheTokenStaysASecret(t *testing.T) {
	const key, token = "sglang-tpu:hfToken", "hf_do_not_print"
	gated := coder(t).With("sglang-tpu:model", "meta-llama/Llama-3.1-8B-Instruct")

	_, err := load(gated)
	require.ErrorContains(t, err, "pulumi config set --secret hfToken")

	_, err = load(gated.With(key, token))
	require.ErrorContains(t, err, "config "+key+": is stored in plain text; run: pulumi config set --secret")
	assert.NotContains(t, err.Error(), token)

	c, err := load(gated.With(key, token), key)
	require.NoError(t, err)
	assert.EqualValues(t, key, c.HFToken)
}

func TestBothEnvironmentsOfTheCheckoutAreValid(t *testing.T) {
	dev, err := load(configtest.Environment(t, "dev"))
	require.NoError(t, err)
	assert.Equal(t, "spot", dev.Capacity.Mode)
	assert.False(t, dev.Protect)

	prod, err := load(configtest.Environment(t, "prod"))
	require.NoError(t, err)
	assert.Equal(t, "reservation", prod.Capacity.Mode)
	assert.NotEmpty(t, prod.Capacity.Reservation)
	assert.True(t, prod.Protect)
	assert.Equal(t, 2, prod.SystemPool.Nodes)
}
