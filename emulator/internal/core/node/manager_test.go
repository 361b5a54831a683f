package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
)

func TestAnImageRunsTheControllerOfItsVersionIfThatWasBuilt(t *testing.T) {
	l := layout.Layout{Root: t.TempDir()}
	require.NoError(t, os.MkdirAll(l.Bin(), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(l.Bin(), "lws-manager-0.8.0"), nil, 0o700))
	m := &machine{members: &members{fleet: &Fleet{Layout: l}}}
	for image, want := range map[string]string{
		"registry.k8s.io/lws/lws:v0.8.0":     "lws-manager-0.8.0",
		"registry.k8s.io/lws/lws:v0.9.0":     "lws-manager",
		"registry.k8s.io/lws/lws@sha256:abc": "lws-manager",
	} {
		assert.Equal(t, filepath.Join(l.Bin(), want), m.manager(image), image)
	}
}
