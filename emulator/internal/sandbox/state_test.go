package sandbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkpointFile writes a checkpoint file with a deployment.
func checkpointFile(t *testing.T, deployment string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "dev.json")
	text := `{"version": 3, "features": ["f"], "checkpoint": {"stack": "organization/p/dev", "latest": ` + deployment + `}}`
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// deploymentIn returns one field of a checkpoint file's deployment.
func deploymentIn(t *testing.T, file, field string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var read struct {
		Version    int
		Features   []string
		Checkpoint struct {
			Stack  string
			Latest map[string]json.RawMessage
		}
	}
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, 3, read.Version)
	assert.Equal(t, []string{"f"}, read.Features)
	assert.Equal(t, "organization/p/dev", read.Checkpoint.Stack)
	return string(read.Checkpoint.Latest[field])
}

func TestAnInterruptedCreateIsAdoptedIfTheCloudHasIt(t *testing.T) {
	file := checkpointFile(t, `{
		"secrets_providers": {"type": "passphrase", "state": {"salt": "s"}},
		"resources": [{"urn": "network", "custom": true, "id": "n", "type": "gcp:n"}],
		"pending_operations": [
			{"type": "creating", "resource": {"urn": "cluster", "custom": true, "type": "gcp:c", "inputs": {"name": "made", "minutes": 12345678901234567890}}},
			{"type": "creating", "resource": {"urn": "pool", "custom": true, "type": "gcp:p", "inputs": {"name": "never"}}},
			{"type": "deleting", "resource": {"urn": "old", "custom": true, "type": "gcp:c", "id": "o", "inputs": {"name": "made"}}}
		]}`)
	exists := func(typ string, inputs map[string]any) (string, error) {
		if inputs["name"] == "made" {
			return "id of " + typ, nil
		}
		return "", nil
	}
	require.NoError(t, adopt(file, exists))
	assert.JSONEq(t, `[
		{"urn": "network", "custom": true, "id": "n", "type": "gcp:n"},
		{"urn": "cluster", "custom": true, "type": "gcp:c", "id": "id of gcp:c",
		 "inputs": {"name": "made", "minutes": 12345678901234567890}, "outputs": {"name": "made", "minutes": 12345678901234567890}}
	]`, deploymentIn(t, file, "resources"))
	assert.Contains(t, deploymentIn(t, file, "resources"), "12345678901234567890", "numbers keep their digits")
	assert.JSONEq(t, `[
		{"type": "creating", "resource": {"urn": "pool", "custom": true, "type": "gcp:p", "inputs": {"name": "never"}}},
		{"type": "deleting", "resource": {"urn": "old", "custom": true, "type": "gcp:c", "id": "o", "inputs": {"name": "made"}}}
	]`, deploymentIn(t, file, "pending_operations"))
	assert.JSONEq(t, `{"type": "passphrase", "state": {"salt": "s"}}`, deploymentIn(t, file, "secrets_providers"))

	before, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, adopt(file, exists))
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "nothing is left to adopt")
}

func TestProtectionIsRemovedAndReported(t *testing.T) {
	file := checkpointFile(t, `{"resources": [
		{"urn": "a", "custom": true, "type": "t", "protect": true, "inputs": {"n": 12345678901234567890}},
		{"urn": "b", "custom": true, "type": "t"}]}`)
	protected, err := Unprotect(file)
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, protected)
	assert.JSONEq(t, `[{"urn": "a", "custom": true, "type": "t", "inputs": {"n": 12345678901234567890}}, {"urn": "b", "custom": true, "type": "t"}]`, deploymentIn(t, file, "resources"))
	assert.Contains(t, deploymentIn(t, file, "resources"), "12345678901234567890")
}
