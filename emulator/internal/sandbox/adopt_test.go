package sandbox

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACreateThatWasCutOffIsAdoptedIfTheCloudHasIt(t *testing.T) {
	const exported = `{"version": 3, "deployment": {
		"secrets_providers": {"type": "passphrase"},
		"resources": [{"urn": "network", "id": "n"}],
		"pending_operations": [
			{"type": "creating", "resource": {"urn": "cluster", "type": "gcp:c", "inputs": {"name": "made", "minutes": 12345678901234567890}}},
			{"type": "creating", "resource": {"urn": "pool", "type": "gcp:p", "inputs": {"name": "never"}}},
			{"type": "deleting", "resource": {"urn": "old", "type": "gcp:c", "id": "o", "inputs": {"name": "made"}}}
		]}}`
	exists := func(typ string, inputs map[string]any) (string, error) {
		if inputs["name"] == "made" {
			return "id of " + typ, nil
		}
		return "", nil
	}
	text, err := adopted([]byte(exported), exists)
	require.NoError(t, err)
	assert.JSONEq(t, `{"version": 3, "deployment": {
		"secrets_providers": {"type": "passphrase"},
		"resources": [
			{"urn": "network", "id": "n"},
			{"urn": "cluster", "type": "gcp:c", "id": "id of gcp:c",
			 "inputs": {"name": "made", "minutes": 12345678901234567890}, "outputs": {"name": "made", "minutes": 12345678901234567890}}
		],
		"pending_operations": [
			{"type": "creating", "resource": {"urn": "pool", "type": "gcp:p", "inputs": {"name": "never"}}},
			{"type": "deleting", "resource": {"urn": "old", "type": "gcp:c", "id": "o", "inputs": {"name": "made"}}}
		]}}`, string(text))
	assert.Contains(t, string(text), "12345678901234567890", "numbers keep their digits")

	again, err := adopted(text, exists)
	require.NoError(t, err)
	assert.Nil(t, again, "nothing is left to adopt")
	assert.True(t, json.Valid(text))
}
