package kube

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
)

func TestTheTokenIsCreatedOnceAndNeverEmpty(t *testing.T) {
	l := layout.Layout{Root: t.TempDir()}
	require.NoError(t, os.MkdirAll(filepath.Dir(l.Token()), 0o700))
	first, err := Token(l)
	require.NoError(t, err)
	assert.Len(t, first, 26)
	again, err := Token(l)
	require.NoError(t, err)
	assert.Equal(t, first, again)

	require.NoError(t, os.WriteFile(l.Token(), []byte("\n"), 0o600)) // a write that was cut off
	other, err := Token(l)
	require.NoError(t, err)
	assert.Len(t, other, 26)
	assert.NotEqual(t, first, other)
	info, err := os.Stat(l.Token())
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestTheAuthPluginUsesTheDocumentedLogin(t *testing.T) {
	root := t.TempDir()
	t.Setenv(layout.EnvVar, root)
	l, err := layout.FromEnv()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(l.Token()), 0o700))
	token, err := Token(l)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, authPlugin([]string{"--use_application_default_credentials"}, &out))
	assert.JSONEq(t, `{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"`+token+`"}}`, out.String())

	require.ErrorContains(t, authPlugin(nil, &out), "$ gcloud auth login", "gcloud has no account of its own")
	require.ErrorContains(t, authPlugin([]string{"--other"}, &out), "unknown flag: --other")
	t.Setenv(layout.EarlierVar, "1")
	require.NoError(t, authPlugin(nil, &out), "an earlier program in a review")
}
