package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/emulator/internal/counters"
)

const onDisks = `cache={"mode":"disk"}`

// disks counts the downloads and compilations of a stack without a bucket, whose volumes are
// deleted with the pods.
func (w *world) disks(t *testing.T) {
	if !t.Run("every host fetches for itself", func(t *testing.T) {
		w.emulator(t, "start", "dev") // it does the counting
		c := w.during(t, "up, on disks", func() { w.emulator(t, append([]string{"up", "dev"}, flags(onDisks)...)...) })
		assert.InDelta(t, 2*weights(t), c.Hub.Bytes, 2<<30)
	}) {
		t.FailNow()
	}
	w.restarts(t, "disk", func(t *testing.T, c counters.Counts) {
		// More, if a pod of the group that goes starts once more before it is recreated.
		assert.GreaterOrEqual(t, c.Hub.Bytes, 2*weights(t))
		assert.GreaterOrEqual(t, c.Compile.Misses, 2)
	})
}
