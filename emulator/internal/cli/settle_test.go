package cli

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

// A refresh takes the engine's note of a failed create away, so it is made only after
// a pulumi that could not write what it had done.
func TestAnUpThatEndedByItselfNeedsNoRefresh(t *testing.T) {
	for script, left := range map[string]bool{
		"exit 0": false, "exit 255": false, "kill -9 $$": true,
	} {
		c := &CLI{Layout: layout.Layout{Root: t.TempDir()}, Program: t.TempDir(), Out: io.Discard, Err: io.Discard}
		require.NoError(t, os.MkdirAll(c.Layout.Bin(), 0o700))
		require.NoError(t, os.MkdirAll(c.Layout.Run(), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(c.Layout.Bin(), "pulumi"), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
		err := c.change(context.Background(), "dev", "up")
		assert.Equal(t, script != "exit 0", err != nil, script)
		_, err = os.Stat(c.unfinished("dev"))
		assert.Equal(t, left, err == nil, script)
	}
}
