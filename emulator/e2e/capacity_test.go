package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What docs/capacity.md says to do so that a replica's slice is looked for anew.
const lookAnew = "pulumi up --replace '**NodePool::SLICE'"

// TestCapacityFallbacks takes one stack from a slice of its own to three options, of which the
// first two have no chips for a while.
func TestCapacityFallbacks(t *testing.T) {
	parallel(t, 150)
	w := newWorld(t)
	step := steps(t)
	image := `image={"source":"prebuilt","reference":"lmsysorg/sglang-jax:v0.1.0"}`
	fallbacks := `capacityFallbacks=[{"mode":"on-demand","zones":["us-central1-ai1a"]},{"mode":"on-demand"}]`
	with := func(settings ...string) []string {
		return append([]string{"up", "dev"}, flags(append(settings, image)...)...)
	}
	pools := func(t *testing.T) []string {
		var names []string
		for name, nodes := range w.slices(t) {
			assert.Len(t, nodes, 2, "%s is a whole slice", name)
			names = append(names, name)
		}
		return names
	}
	step("a stack with one option keeps its slice when it gets fallbacks", func(t *testing.T) {
		w.emulator(t, with()...)
		before := w.slices(t)
		out := w.emulator(t, with(fallbacks)...)
		assert.Contains(t, out, `Answer  {"meta_info"`)
		assert.Contains(t, out, "replica 0: spot in us-central1-c, node pool sglang-tpu-dev-slice-0")
		assert.Equal(t, before, w.slices(t))
		w.shell(t, "dev", "pulumi preview --expect-no-changes")
	})
	var third string
	step("without chips in the first two, the third serves", func(t *testing.T) {
		w.emulator(t, with(fallbacks, "replicas=0")...)
		w.shell(t, "", "bin/emulator fault scale-up ' spot' && bin/emulator fault scale-up us-central1-ai1a")
		out := w.emulator(t, with(fallbacks)...)
		assert.Contains(t, out, `Answer  {"meta_info"`)
		assert.Contains(t, out, "capacity options for each of 1 slices of 8 chips, in this order: spot in us-central1-c; on-demand in us-central1-ai1a; on-demand in us-central1-c;")
		assert.Contains(t, out, "refused, GCE out of resources")
		assert.Contains(t, out, "on-demand in us-central1-ai1a: refused, GCE out of resources")
		assert.Contains(t, out, "replica 0: on-demand in us-central1-c, node pool sglang-tpu-dev-slice-0-")
		require.Len(t, pools(t), 1)
		third = strings.TrimPrefix(pools(t)[0], "sglang-tpu-dev-")
	})
	step("a slice that works stays when the others have chips again", func(t *testing.T) {
		w.shell(t, "", "bin/emulator fault clear")
		before, pods := w.slices(t), w.podUIDs(t)
		w.shell(t, "dev", "pulumi preview --expect-no-changes && pulumi refresh --yes --skip-preview && pulumi up --yes --skip-preview")
		assert.Equal(t, before, w.slices(t))
		assert.Equal(t, pods, w.podUIDs(t))
	})
	step("the documented command gives it back and takes the first", func(t *testing.T) {
		page, err := os.ReadFile(filepath.Join(w.checkout, "docs", "capacity.md"))
		require.NoError(t, err)
		assert.Contains(t, string(page), lookAnew)
		replica, id, _ := strings.Cut(strings.TrimPrefix(third, "slice-"), "-")
		out := w.shell(t, "dev", strings.Replace(lookAnew, "SLICE", "slice-"+replica+"-on-demand-"+id, 1)+" --yes --skip-preview")
		assert.Contains(t, out, "replica 0: spot in us-central1-c, node pool sglang-tpu-dev-slice-0")
		assert.Equal(t, []string{"sglang-tpu-dev-slice-0"}, pools(t))
	})
	step("a second replica takes the next option, in another zone", func(t *testing.T) {
		w.shell(t, "", "bin/emulator fault scale-up ' spot'")
		first := w.slices(t)["sglang-tpu-dev-slice-0"]
		out := w.emulator(t, with(fallbacks, "replicas=2")...)
		assert.Contains(t, out, "replica 1: on-demand in us-central1-ai1a")
		after := w.slices(t)
		assert.Len(t, after, 2, "one for each replica")
		assert.Equal(t, first, after["sglang-tpu-dev-slice-0"])
		assert.Len(t, w.names(t, "nodes -l topology.kubernetes.io/zone=us-central1-ai1a"), 2)
		w.rolledOut(t, 4)
		w.shell(t, "dev", "pulumi preview --expect-no-changes")
	})
	step("down leaves nothing", w.down)
}
