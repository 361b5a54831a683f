package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
)

func TestDownOfAStackThatIsNotUpStartsNothing(t *testing.T) {
	var out strings.Builder
	c := &Sandbox{Layout: layout.Layout{Root: t.TempDir()}, Program: t.TempDir(), Out: &out, Err: &out}
	withStack(t, c, "dev")
	run := func(stack string) (string, error) {
		out.Reset()
		err := down(t.Context(), c, options{Stack: stack})
		assert.NoFileExists(t, filepath.Join(c.Layout.Run(), "daemon.log"), "the emulated cloud was started")
		return out.String(), err
	}
	said, err := run("dev")
	require.NoError(t, err)
	assert.Equal(t, "stack dev is not up, so there is nothing to destroy\n", said)

	_, err = run("dve")
	require.ErrorContains(t, err, `there is no stack "dve"`)

	require.NoError(t, os.MkdirAll(filepath.Dir(c.Stack("dev").StateFile()), 0o700))
	require.NoError(t, os.WriteFile(c.Stack("dev").StateFile(), []byte(`{"version":3,"checkpoint":{"latest":{}}}`), 0o600))
	said, err = run("dev")
	require.NoError(t, err, "after a preview")
	assert.Contains(t, said, "nothing to destroy")

	require.NoError(t, os.WriteFile(c.Layout.CloudFile(), []byte(`{"resources":[{"type":"gcp:storage/bucket:Bucket","id":"weights"},{"type":"gcp:compute/network:Network","id":"theirs","ground":true}]}`), 0o600))
	_, err = run("dev")
	require.ErrorContains(t, err, "stack dev is not up, so there is nothing to destroy, but the emulated cloud still contains:\n  gcp:storage/bucket:Bucket weights")
	assert.NotContains(t, err.Error(), "theirs", "it was there before")
}

func TestAStackWhoseChangeWasKilledMayBeUp(t *testing.T) {
	s := (&Sandbox{Layout: layout.Layout{Root: t.TempDir()}}).Stack("dev")
	deployed := func() bool {
		up, err := s.deployed()
		require.NoError(t, err)
		return up
	}
	assert.False(t, deployed())
	require.NoError(t, os.MkdirAll(s.Layout.Run(), 0o700))
	require.NoError(t, os.WriteFile(s.unfinished(), nil, 0o600))
	assert.True(t, deployed(), "Pulumi was killed before it wrote anything")
	require.NoError(t, os.Remove(s.unfinished()))
	require.NoError(t, os.MkdirAll(filepath.Dir(s.StateFile()), 0o700))
	for state, want := range map[string]bool{
		`{"version":3,"checkpoint":{"latest":{}}}`:                                                                                                   false,
		`{"version":3,"checkpoint":{"latest":{"resources":[{"urn":"urn:pulumi:dev::p::t::n","type":"t"}]}}}`:                                         true,
		`{"version":3,"checkpoint":{"latest":{"pending_operations":[{"resource":{"urn":"urn:pulumi:dev::p::t::n","type":"t"},"type":"creating"}]}}}`: true,
	} {
		require.NoError(t, os.WriteFile(s.StateFile(), []byte(state), 0o600))
		assert.Equal(t, want, deployed(), state)
	}
}
