package kube

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
)

func TestTheTokenIsMadeOnceAndNeverEmpty(t *testing.T) {
	l := layout.Layout{Root: t.TempDir()}
	require.NoError(t, os.MkdirAll(filepath.Dir(l.Token()), 0o700))
	first, err := Token(l)
	require.NoError(t, err)
	assert.Len(t, first, 48)
	again, err := Token(l)
	require.NoError(t, err)
	assert.Equal(t, first, again)

	require.NoError(t, os.WriteFile(l.Token(), []byte("\n"), 0o600)) // a write that was cut off
	other, err := Token(l)
	require.NoError(t, err)
	assert.Len(t, other, 48)
	info, err := os.Stat(l.Token())
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
