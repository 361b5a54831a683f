package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/model"
	"sglang-tpu/spec/topology"
)

func TestThePagesHaveTheProgramsTables(t *testing.T) {
	root, copied := filepath.Join("..", ".."), t.TempDir()
	pages := map[string][]byte{}
	for _, table := range tables {
		text, err := os.ReadFile(filepath.Join(root, table.page))
		require.NoError(t, err)
		pages[table.page] = text
		require.NoError(t, os.MkdirAll(filepath.Join(copied, filepath.Dir(table.page)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(copied, table.page), text, 0o600))
	}
	require.NoError(t, rewrite(copied))
	for page, before := range pages {
		after, err := os.ReadFile(filepath.Join(copied, page))
		require.NoError(t, err)
		assert.Equal(t, string(after), string(before), "go run ./internal/docs brings it up to date")
	}
}

func TestAPageWithoutAPlaceForItsTableIsAnError(t *testing.T) {
	_, err := insert("# nothing\n", tables[0], "rows")
	assert.ErrorContains(t, err, "docs/models.md has no place for the table of models")
	assert.Error(t, rewrite(t.TempDir()))
}

func TestAPlanIsShownAsItsNumbers(t *testing.T) {
	for _, tc := range []struct{ id, topology, shows string }{
		{"Qwen/Qwen2.5-Coder-32B-Instruct", "2x2x2", "16/2: 152"},
		{"meta-llama/Llama-3.1-405B-Instruct", "2x2x2", "16/1: 4"},
		{"Qwen/Qwen3-Coder-480B-A35B-Instruct", "2x2x2", "16/1/16: 3"},
		{"meta-llama/Llama-3.1-405B-Instruct", "2x2x1", "–"},
	} {
		m, ok := model.Lookup(tc.id)
		require.True(t, ok)
		shape, err := topology.Parse(tc.topology)
		require.NoError(t, err)
		assert.Equal(t, tc.shows, plan(m, shape), "%s on %s", tc.id, tc.topology)
	}
}
