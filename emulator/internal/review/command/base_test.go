package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/sandbox"
	"sglang-tpu/emulator/internal/tools"
)

func TestASavedBaseOutlivesTheBuildOfAToolThatItDoesNotRun(t *testing.T) {
	r := &command{Sandbox: &sandbox.Sandbox{Layout: layout.Layout{Root: t.TempDir()}}}
	built := func(tool tools.Tool, as string) {
		file := tools.Stamps(r.Layout, []tools.Tool{tool})[0]
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(as), 0o600))
	}
	for _, tool := range tools.Runtime {
		built(tool, "first")
	}
	fingerprint := func() string {
		sum, err := r.fingerprint()
		require.NoError(t, err)
		return sum
	}
	first := fingerprint()
	built(tools.Check[0], "first")
	assert.Equal(t, first, fingerprint(), "a linter was built")
	built(tools.Runtime[0], "second")
	assert.NotEqual(t, first, fingerprint(), "etcd was built again")
}
