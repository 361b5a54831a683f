package stacks

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/serverimage"
	"sglang-tpu/spec/storage"
)

// everyWay are the configurations that between them ask Google Cloud for everything
// that the program can ask for: each environment, shape, capacity mode, image source,
// kind of cache and optional part.
func everyWay(t *testing.T) map[string]configtest.Values {
	t.Helper()
	ways := map[string]configtest.Values{}
	for _, stack := range configtest.Stacks(t) {
		ways[stack] = configtest.Environment(t, stack)
	}
	base := configtest.Environment(t, "dev")
	set := func(key string, values ...string) {
		for _, value := range values {
			ways[key+" "+value] = base.With("sglang-tpu:"+key, value)
		}
	}
	object := func(pairs ...any) string {
		o := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			o[pairs[i].(string)] = pairs[i+1]
		}
		text, err := json.Marshal(o)
		require.NoError(t, err)
		return string(text)
	}
	set("topology", "1x1x1", "2x2x1", "2x2x2", "2x2x4", "4x4x4")
	set("replicas", "0", "2")
	set("protect", "true")
	set("capacity",
		object("mode", capacity.Spot), object("mode", capacity.OnDemand),
		object("mode", capacity.Reservation, "reservation", "projects/other/reservations/mine/reservationBlocks/b"),
		object("mode", capacity.FlexStart), object("mode", capacity.FlexStart, "maxRunDuration", "72h"))
	set("image",
		object("source", serverimage.Build),
		object("source", serverimage.Mirror, "version", "v0.1.0"),
		object("source", serverimage.Prebuilt, "reference", "lmsysorg/sglang-jax:v0.1.0"),
		object("source", serverimage.Prebuilt, "reference", "us-central1-docker.pkg.dev/other/images/sglang-jax:v0.1.0"))
	set("cache", object("mode", storage.GCS), object("mode", storage.DiskVolume))
	set("monitoring", object("enabled", false), object("channels", []string{"projects/p/notificationChannels/1"}))
	set("gke", object("secretsKey", "projects/keys/locations/us-central1/keyRings/r/cryptoKeys/k"))
	exclusion := map[string]string{"name": "launch", "start": "2027-01-01", "end": "2027-01-31"}
	set("maintenance",
		object("window", map[string]any{"start": "01:00", "hours": 6, "days": []string{"Saturday", "Sunday"}}),
		object("exclusions", []any{exclusion}), object("exclusions", []any{}))
	set("hfTokenSecret", managed)
	set("hfToken", token)
	set("apiKey", token)
	set("network", object("authorizedNetworks", []string{"203.0.113.0/24"}))
	set("labels", object("team", "ml"), object())
	return ways
}

// TestThePropertiesThatAreSetAreTheRecordedOnes keeps the list by which the emulator's
// table of the provider's schema is held to be whole.
func TestThePropertiesThatAreSetAreTheRecordedOnes(t *testing.T) {
	t.Setenv(pulumi.EnvConfigSecretKeys, `["sglang-tpu:hfToken","sglang-tpu:apiKey"]`)
	all := map[string]bool{}
	for name, values := range everyWay(t) {
		g, err := pulumitest.TryRun(new(Endpoint).Serving, values)
		require.NoError(t, err, name)
		for _, r := range g.All() {
			if strings.HasPrefix(r.Type, "gcp:") {
				paths(resource.NewObjectProperty(r.Inputs), r.Type+" ", "", all)
			}
		}
	}
	now := slices.Sorted(maps.Keys(all))
	file := filepath.Join("testdata", "properties.txt")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(now, "\n")+"\n"), 0o644))
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	recorded := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	added, removed := without(now, recorded), without(recorded, now)
	assert.True(t, slices.Equal(recorded, now), "set now: %q, no longer set: %q; if that is what the change is for, run `make goldens` and commit stacks/%s with it", added, removed, file)
}

// without returns the lines that are not among others.
func without(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(others, line) })
}

// paths adds the path of each value; [*] stands for the elements of a list.
func paths(value resource.PropertyValue, path, dot string, all map[string]bool) {
	switch {
	case value.IsSecret():
		paths(value.SecretValue().Element, path, dot, all)
	case value.IsOutput():
		paths(value.OutputValue().Element, path, dot, all)
	case value.IsObject() && len(value.ObjectValue()) > 0:
		for key, inner := range value.ObjectValue() {
			paths(inner, path+dot+string(key), ".", all)
		}
	case value.IsArray() && len(value.ArrayValue()) > 0:
		for _, element := range value.ArrayValue() {
			paths(element, path+"[*]", ".", all)
		}
	default:
		all[path] = true
	}
}
