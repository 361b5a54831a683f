package sandbox

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"sglang-tpu/emulator/internal/layout"
)

// salt is in the Pulumi CLI's format; the check at its end is not used.
var salt = "v1:" + base64.StdEncoding.EncodeToString([]byte("saltsalt")) + ":check"

// decrypted decrypts all encrypted values.
func decrypted(t *testing.T, at any) any {
	t.Helper()
	switch at := at.(type) {
	case map[string]any:
		if text, ok := at["secure"].(string); ok {
			plain, err := config.NewSymmetricCrypterFromPassphrase(passphrase, []byte("saltsalt")).DecryptValue(context.Background(), text)
			require.NoError(t, err)
			return "encrypted " + plain
		}
		for key, value := range at {
			at[key] = decrypted(t, value)
		}
	case []any:
		for i, value := range at {
			at[i] = decrypted(t, value)
		}
	}
	return at
}

func TestTheConfigurationIsLaidOutForTheEmulator(t *testing.T) {
	text, err := overlay([]byte(`
secretsprovider: gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k
encryptedkey: abc
config:
  gcp:project: real
  sglang-tpu:hfToken: {secure: v1:xyz}
  sglang-tpu:labels: {team: ml, inner: {secure: v1:abc}}
  sglang-tpu:serverArguments: [--log-level, {secure: v1:def}]
`), salt, []string{"sglang-tpu:replicas=2", "sglang-tpu:topology=2x2x2", `sglang-tpu:capacity={"mode":"spot"}`, `sglang-tpu:apiKey={"secure":"v1:ghi"}`})
	require.NoError(t, err)
	var file map[string]any
	require.NoError(t, yaml.Unmarshal(text, &file))
	assert.Equal(t, map[string]any{
		"encryptionsalt": salt,
		"config": map[string]any{
			"gcp:project":                "real",
			"sglang-tpu:hfToken":         "encrypted " + secretFor("v1:xyz"),
			"sglang-tpu:apiKey":          "encrypted " + secretFor("v1:ghi"),
			"sglang-tpu:labels":          map[string]any{"team": "ml", "inner": "encrypted " + secretFor("v1:abc")},
			"sglang-tpu:serverArguments": []any{"--log-level", "encrypted " + secretFor("v1:def")},
			"sglang-tpu:replicas":        2.0,
			"sglang-tpu:topology":        "2x2x2",
			"sglang-tpu:capacity":        map[string]any{"mode": "spot"},
		},
	}, decrypted(t, file))
}

// The program rejects the placeholders in checked-in environments.
func TestPlaceholdersAreReplaced(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "Pulumi.*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		laid, err := overlay(text, salt, []string{`sglang-tpu:capacity={"reservation":"projects/your-project-id/reservations/your-reservation"}`})
		require.NoError(t, err)
		assert.NotContains(t, string(laid), "your-", name)
		assert.Contains(t, string(laid), "projects/emulated-project/reservations/emulated-reservation", name)
	}
}

func TestAnUnreadableSaltIsReported(t *testing.T) {
	for _, bad := range []string{"", "v1", "v1:not base64:x"} {
		_, err := overlay([]byte("config: {a: {secure: x}}"), bad, nil)
		require.ErrorContains(t, err, "salt that cannot be read", bad)
	}
}

func TestARotatedSecretHasADifferentSubstitute(t *testing.T) {
	assert.Equal(t, secretFor("v1:a"), secretFor("v1:a"))
	assert.NotEqual(t, secretFor("v1:a"), secretFor("v1:b"))
	assert.NotContains(t, secretFor("v1:a"), "v1")
}

func TestASettingWithoutANamespaceIsRefused(t *testing.T) {
	for _, setting := range []string{"replicas=2", "sglang-tpu:replicas", ""} {
		_, err := overlay(nil, "salt", []string{setting})
		require.ErrorContains(t, err, "such as sglang-tpu:replicas=2", setting)
	}
}

func TestAStackThatOnlyTheEmulatorHasIsWrittenAgainOnlyAfterAnEdit(t *testing.T) {
	s := (&Sandbox{Program: t.TempDir(), Layout: layout.Layout{Root: t.TempDir()}}).Stack("mine")
	file := filepath.Join(s.Layout.Root, "Pulumi.mine.yaml")
	for name, text := range map[string]string{
		s.StateFile(): "{}",
		filepath.Join(s.Layout.Pulumi(), "project", "Pulumi.mine.yaml"): "encryptionsalt: " + salt + "\n",
		file: "config:\n  sglang-tpu:topology: 2x2x2\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	require.NoError(t, s.Prepare(t.Context()))
	const byHand = "# by pulumi config set\n"
	require.NoError(t, os.WriteFile(s.configFile(), []byte(byHand), 0o600))
	follow := func() string {
		require.NoError(t, s.Follow(t.Context()))
		text, err := os.ReadFile(s.configFile())
		require.NoError(t, err)
		return string(text)
	}
	assert.Equal(t, byHand, follow())
	require.NoError(t, os.WriteFile(file, []byte("config:\n  sglang-tpu:topology: 2x2x4\n"), 0o600))
	assert.Contains(t, follow(), "topology: 2x2x4")

	require.NoError(t, os.WriteFile(file, []byte("config: ["), 0o600))
	assert.ErrorContains(t, s.Follow(t.Context()), file, "the file that is wrong")
	require.NoError(t, os.Remove(file))
	assert.ErrorContains(t, s.Follow(t.Context()), `there is no stack "mine"`)
}

func TestAnEditIsAppliedWithTheSettingsOfTheLastCommand(t *testing.T) {
	s := (&Sandbox{Program: t.TempDir(), Layout: layout.Layout{Root: t.TempDir()}}).Stack("dev")
	ctx, file := context.Background(), filepath.Join(s.Program, "Pulumi.dev.yaml")
	require.NoError(t, s.Follow(ctx), "nothing is up")
	// The stack exists, so that Prepare does not run the CLI.
	for name, text := range map[string]string{
		s.StateFile(): "{}",
		filepath.Join(s.Layout.Pulumi(), "project", "Pulumi.dev.yaml"): "encryptionsalt: " + salt + "\n",
		file: "config:\n  sglang-tpu:topology: 2x2x2\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	require.NoError(t, s.Prepare(ctx, "sglang-tpu:replicas=2"))
	read := func() string {
		text, err := os.ReadFile(s.configFile())
		require.NoError(t, err)
		return string(text)
	}
	const byHand = "# by pulumi config set\n"
	require.NoError(t, os.WriteFile(s.configFile(), []byte(read()+byHand), 0o600))
	require.NoError(t, s.Follow(ctx))
	assert.Contains(t, read(), byHand, "the file is as it was")

	edited := "config:\n  sglang-tpu:topology: 2x2x4\n"
	require.NoError(t, os.WriteFile(file, []byte(edited), 0o600))
	require.NoError(t, s.Follow(ctx))
	assert.Contains(t, read(), "topology: 2x2x4")
	assert.Contains(t, read(), "replicas: 2")
	assert.Contains(t, read(), "lwsChart", "of the emulator")
	now, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, edited, string(now), "nothing is written into the user's file")

	require.NoError(t, os.WriteFile(file, []byte("config: ["), 0o600))
	assert.ErrorContains(t, s.Follow(ctx), file)
}
