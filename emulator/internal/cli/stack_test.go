package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestTheConfigurationIsLaidOutForTheEmulator(t *testing.T) {
	text, err := overlay([]byte(`
secretsprovider: gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k
encryptedkey: abc
config:
  gcp:project: real
  sglang-tpu:hfToken: {secure: v1:xyz}
  sglang-tpu:labels: {team: ml, inner: {secure: v1:abc}}
  sglang-tpu:serverArguments: [--log-level, {secure: v1:def}]
`), "salt", []string{"sglang-tpu:replicas=2", "sglang-tpu:topology=2x2x2", `sglang-tpu:capacity={"mode":"spot"}`})
	require.NoError(t, err)
	var file map[string]any
	require.NoError(t, yaml.Unmarshal(text, &file))
	assert.Equal(t, map[string]any{
		"encryptionsalt": "salt",
		"config": map[string]any{
			"gcp:project":                "real",
			"sglang-tpu:hfToken":         secret("v1:xyz"),
			"sglang-tpu:labels":          map[string]any{"team": "ml", "inner": secret("v1:abc")},
			"sglang-tpu:serverArguments": []any{"--log-level", secret("v1:def")},
			"sglang-tpu:replicas":        2.0,
			"sglang-tpu:topology":        "2x2x2",
			"sglang-tpu:capacity":        map[string]any{"mode": "spot"},
		},
	}, file)
}

func TestASecretThatIsRotatedHasAnotherStandIn(t *testing.T) {
	assert.Equal(t, secret("v1:a"), secret("v1:a"))
	assert.NotEqual(t, secret("v1:a"), secret("v1:b"))
	assert.NotContains(t, secret("v1:a"), "v1")
}

func TestASettingWithoutANamespaceIsRefused(t *testing.T) {
	for _, setting := range []string{"replicas=2", "sglang-tpu:replicas", ""} {
		_, err := overlay(nil, "salt", []string{setting})
		require.ErrorContains(t, err, "such as sglang-tpu:replicas=2", setting)
	}
}
