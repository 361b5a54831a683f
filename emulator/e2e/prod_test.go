package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProductionStack is protected until somebody says otherwise.
func TestProductionStack(t *testing.T) {
	parallel(t, 330)
	w := newWorld(t)
	step := steps(t)
	step("up works with a reservation", func(t *testing.T) {
		assert.Contains(t, w.emulator(t, "up", "prod"), `Answer  {"meta_info"`)
		for _, taken := range []string{"pulumi preview --expect-no-changes", "pulumi refresh --yes --skip-preview --expect-no-changes", "pulumi preview --expect-no-changes"} {
			w.shell(t, "prod", taken)
		}
	})
	step("smoke finds nothing to do", func(t *testing.T) { w.smoke(t, "prod") })
	step("smoke names what is broken, and what it says to do mends it", w.smokeNamesFaults)
	step("another version of the LeaderWorkerSet controller takes over, and the pinned one again, and the group goes on", w.controllerVersions)
	step("maintenance windows pass: an exclusion keeps the slice, and without one it is upgraded", w.excluded)
	step("destroy refuses and says what to change", func(t *testing.T) {
		before := w.emulator(t, "resources")
		out, err := w.tryEmulator("down", "prod")
		require.Error(t, err)
		assert.Contains(t, out, "sglang-tpu:protect")
		for _, kept := range []string{"gcp:storage/bucket:Bucket", "gcp:artifactregistry/repository:Repository"} {
			assert.Contains(t, before, kept)
		}
		assert.Equal(t, before, w.emulator(t, "resources"), "nothing is gone")
		out, err = w.tryShell("prod", "pulumi destroy --yes --skip-preview")
		require.Error(t, err)
		assert.Contains(t, out, "protect")
	})
	step("after changing it, destroy works", func(t *testing.T) {
		w.emulator(t, "up", "prod", "-c", "sglang-tpu:protect=false")
		w.emulator(t, "down", "prod", "-c", "sglang-tpu:protect=false")
		w.requireNothingLeft(t)
	})
}
