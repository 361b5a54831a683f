package sandbox

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
)

// A refresh would remove the record of a failed create from the state.
func TestAFailureThatTheStateRecordsNeedsNoRefresh(t *testing.T) {
	const failed = `{"checkpoint": {"latest": {"resources": [{"type": "gcp:container/nodePool:NodePool", "initErrors": ["in ERROR"]}]}}}`
	for name, test := range map[string]struct {
		script, state string
		left          bool
	}{
		"success":                      {"exit 0", "{}", false},
		"a node pool in ERROR":         {"exit 1", failed, false},
		"an interrupt":                 {"exit 1", `{"checkpoint": {"latest": {"resources": [{"type": "gcp:container/nodePool:NodePool"}]}}}`, true},
		"a set that is not ready":      {"exit 1", `{"checkpoint": {"latest": {"resources": [{"type": "kubernetes:x/v1:Set", "initErrors": ["not ready"]}]}}}`, true},
		"a create that was cut off":    {"kill -9 $$", `{"checkpoint": {"latest": {"resources": [{"type": "gcp:a/b:B", "initErrors": ["e"]}], "pending_operations": [{"type": "creating"}]}}}`, true},
		"a state that nobody can read": {"exit 1", "{", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := (&Sandbox{Layout: layout.Layout{Root: t.TempDir()}, Program: t.TempDir(), Out: io.Discard, Err: io.Discard}).Stack("dev")
			for _, dir := range []string{c.Layout.Bin(), c.Layout.Run(), filepath.Dir(c.StateFile())} {
				require.NoError(t, os.MkdirAll(dir, 0o700))
			}
			require.NoError(t, os.WriteFile(filepath.Join(c.Layout.Bin(), "pulumi"), []byte("#!/bin/sh\n"+test.script+"\n"), 0o700))
			require.NoError(t, os.WriteFile(c.StateFile(), []byte(test.state), 0o600))
			err := c.Change(context.Background(), "up")
			assert.Equal(t, test.script != "exit 0", err != nil)
			_, err = os.Stat(c.unfinished())
			assert.Equal(t, test.left, err == nil)
		})
	}
}
