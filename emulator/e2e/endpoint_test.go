package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// benchEndpoint runs the endpoint's benchmark twice on dev.
func (w *world) benchEndpoint(t *testing.T) {
	folder := filepath.Join(w.root, "bench")
	line := `make bench-endpoint STACK=dev LOAD="-concurrency 1,8 -rounds 2 -input 32 -output 16 -folder ` + folder + `"`
	out := w.shell(t, "dev", line)
	assert.Regexp(t, `ok +8 at once +[\d.]+ output tokens/s; first token after [\d.]+ ms`, out)
	assert.NotRegexp(t, "FAILED|not asked", out)
	w.shell(t, "dev", line)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		return string(text)
	}
	// This comes from the nodes: the program has no knowledge of the emulator.
	const heading = "Benchmark of dev on tpu7x-standard-4t (emulated node)"
	table := read("table.md")
	assert.Contains(t, table, "# "+heading+"\n")
	assert.Contains(t, table, "a group admits 1024 requests at once")
	assert.Regexp(t, `\| 8 \| 16 \| 0 \|`, table)
	assert.Contains(t, table, "The last run was on ")
	assert.Contains(t, read("plot.svg"), heading)
	runs, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	assert.Len(t, runs, 2)
}
