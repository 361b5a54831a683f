package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

const onDisks = `cache={"mode":"disk"}`

// TestDisksAreFilledAgainByEachPod counts what a stack without a bucket fetches and compiles.
func TestDisksAreFilledAgainByEachPod(t *testing.T) {
	parallel(t, 200)
	w := newWorld(t)
	step := func(name string, do func(t *testing.T)) {
		if !t.Run(name, do) {
			t.FailNow() // each step needs the ones before it
		}
	}
	step("on disks every host fetches for itself, each time", func(t *testing.T) {
		w.emulator(t, "start", "dev") // it does the counting
		c := w.during(t, "up, on disks", func() { w.emulator(t, append([]string{"up", "dev"}, flags(onDisks)...)...) })
		assert.InDelta(t, 2*weights(t), c.Hub.Bytes, 2<<30)
	})
	w.restarts(t, "disk", func(t *testing.T, c counts) {
		// More, if a pod of the group that goes starts once more before it is recreated.
		assert.GreaterOrEqual(t, c.Hub.Bytes, 2*weights(t))
		assert.GreaterOrEqual(t, c.Compile.Misses, 2)
	})
	step("down leaves nothing", func(t *testing.T) {
		w.emulator(t, "down", "dev")
		w.requireNothingLeft(t)
	})
}
