package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/settings"
)

func TestThePageHasTheSchemasSettings(t *testing.T) {
	root := filepath.Join("..", "..")
	before, err := os.ReadFile(filepath.Join(root, "docs", "configuration.md"))
	require.NoError(t, err)
	copied := filepath.Join(t.TempDir(), "configuration.md")
	require.NoError(t, os.WriteFile(copied, before, 0o600))
	require.NoError(t, rewrite(copied, filepath.Join(root, "Pulumi.yaml")))
	after, err := os.ReadFile(copied)
	require.NoError(t, err)
	assert.Equal(t, string(after), string(before), "go run ./internal/readme brings it up to date")
}

func TestASettingThatTheSchemaLacksIsAnError(t *testing.T) {
	project, err := workspace.LoadProject(filepath.Join("..", "..", "Pulumi.yaml"))
	require.NoError(t, err)
	_, err = table(project, append(settings.Keys(), "sglang-tpu:new"))
	assert.ErrorContains(t, err, "Pulumi.yaml does not describe sglang-tpu:new")
}

func TestAPageWithoutAPlaceForTheTableIsAnError(t *testing.T) {
	_, err := insert("# nothing\n", "rows")
	assert.ErrorContains(t, err, "no place")
}
