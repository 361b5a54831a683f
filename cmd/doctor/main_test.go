package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAStackIsReadFromItsFile(t *testing.T) {
	dir := t.TempDir()
	project, err := os.ReadFile(filepath.Join("..", "..", "Pulumi.yaml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), project, 0o600))
	write := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.mine.yaml"), []byte(text), 0o600))
	}

	s := load(dir, "mine")
	assert.ErrorContains(t, s.Problems.Err(), "there is no Pulumi.mine.yaml")

	write(`
encryptionsalt: v1:salt
config:
  gcp:project: my-project
  gcp:zone: us-central1-c
  sglang-tpu:topology: 2x2x4
  sglang-tpu:capacity:
    mode: on-demand
  sglang-tpu:hfToken:
    secure: v1:nobody-decrypts-this
`)
	s = load(dir, "mine")
	require.Empty(t, s.Problems)
	assert.Equal(t, "my-project", s.Project)
	assert.Equal(t, "us-central1-c", s.Zone)
	assert.Equal(t, 16, s.Settings.Topology.Chips())
	assert.Equal(t, "on-demand", s.Settings.Capacity.Mode)
	assert.Equal(t, "main", s.Settings.Revision, "a default of Pulumi.yaml")
	assert.NotEmpty(t, s.Settings.HFToken)

	write("config:\n  gcp:project: my-project\n  gcp:zone: us-central1-c\n  sglang-tpu:topolgy: 2x2x4\n")
	s = load(dir, "mine")
	assert.ErrorContains(t, s.Problems.Err(), "Pulumi.mine.yaml:4")
	assert.ErrorContains(t, s.Problems.Err(), "sglang-tpu:topolgy")
	assert.Equal(t, "my-project", s.Project, "which is asked about in spite of it")

	write("config: [")
	assert.NotEmpty(t, load(dir, "mine").Problems)
}

func TestRequestsToGoogleHaveTokenAndProject(t *testing.T) {
	status, answer := http.StatusOK, `{"permissions": ["a.b.c"]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		assert.JSONEq(t, `{"permissions": ["a.b.c"]}`, string(body))
		assert.Equal(t, "Bearer the-token", r.Header.Get("Authorization"))
		assert.Equal(t, "my-project", r.Header.Get("X-Goog-User-Project"))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	ask := func() (string, error) {
		out, err := machine{}.Post(context.Background(), server.URL, "the-token", "my-project", map[string][]string{"permissions": {"a.b.c"}})
		return string(out), err
	}
	out, err := ask()
	require.NoError(t, err)
	assert.Equal(t, answer, out)

	// The format of Google's errors: https://cloud.google.com/apis/design/errors.
	status, answer = http.StatusForbidden, `{"error": {"code": 403, "message": "Permission denied", "status": "PERMISSION_DENIED"}}`
	_, err = ask()
	assert.EqualError(t, err, "Permission denied")

	status, answer = http.StatusBadGateway, "<html>"
	_, err = ask()
	assert.ErrorContains(t, err, "502 Bad Gateway")

	server.Close()
	_, err = ask()
	require.Error(t, err)
	assert.False(t, errors.Is(err, context.DeadlineExceeded))
	assert.NotContains(t, err.Error(), "the-token")
}
