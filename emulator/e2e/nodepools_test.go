package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/topology"
)

// What docs/troubleshooting.md says to do when the state knows nothing of the failure, and when the slice
// is protected.
const (
	replaceSlice   = "pulumi up --replace '**NodePool::slice-0'"
	unprotectSlice = "pulumi state unprotect $(pulumi stack --show-urns | grep -o 'urn:.*NodePool::slice-0')"
)

// TestNodePoolsThatFailAndChange creates a slice without and then with capacity.
func TestNodePoolsThatFailAndChange(t *testing.T) {
	parallel(t, 200)
	w := newWorld(t)
	step := steps(t)
	const noChips = "bin/emulator fault create slice-0 GCE_STOCKOUT"
	nodes := func(t *testing.T) []string { return w.names(t, "nodes -l "+hosts) }
	step("up says what the provider says", func(t *testing.T) {
		w.emulator(t, "start", "dev")
		w.shell(t, "", noChips)
		out, err := w.tryEmulator("up", "dev")
		require.Error(t, err)
		assert.Contains(t, out, `NodePool sglang-tpu-dev-slice-0 was created in the error state "ERROR"`)
		assert.NotContains(t, out, "GCE_STOCKOUT", "which only GKE's own status message says")
	})
	step("the next up replaces it, and the endpoint answers", func(t *testing.T) {
		assert.Contains(t, w.sliceOps(t), "replace")
		assert.Contains(t, w.emulator(t, "up", "dev"), `Answer  {"meta_info"`)
		assert.Len(t, nodes(t), 2)
		w.shell(t, "dev", "pulumi preview --expect-no-changes")
	})
	step("a protected one is replaced once it is not protected", func(t *testing.T) {
		protect := flags("protect=true")
		w.emulator(t, append([]string{"up", "dev"}, flags("replicas=0")...)...)
		w.emulator(t, append([]string{"start", "dev"}, protect...)...)
		w.shell(t, "", noChips)
		out, err := w.tryShell("dev", "pulumi up --yes --skip-preview")
		require.Error(t, err, out)
		out, err = w.tryShell("dev", "pulumi up --yes --skip-preview")
		require.Error(t, err, out)
		assert.Contains(t, out, "as it is currently marked for protection")
		w.shell(t, "dev", unprotectSlice+" --yes && pulumi up --yes --skip-preview")
		assert.Len(t, nodes(t), 2)
		w.emulator(t, "up", "dev")
	})
	step("after a refresh the state knows nothing of it, and the documented command replaces it", func(t *testing.T) {
		w.emulator(t, append([]string{"up", "dev"}, flags("replicas=0")...)...)
		w.emulator(t, "start", "dev")
		w.shell(t, "", noChips)
		out, err := w.tryShell("dev", "pulumi up --yes --skip-preview")
		require.Error(t, err, out)
		w.shell(t, "dev", "pulumi refresh --yes --skip-preview")
		assert.Empty(t, w.sliceOps(t), "Google tells the provider no difference")
		assert.Empty(t, nodes(t))

		page, err := os.ReadFile(filepath.Join(w.checkout, "docs", "troubleshooting.md"))
		require.NoError(t, err)
		for _, command := range []string{replaceSlice, unprotectSlice} {
			// A table's cell has its own way to write a pipe.
			assert.Contains(t, strings.NewReplacer("slice-N", "slice-0", `\|`, "|").Replace(string(page)), command)
		}
		w.shell(t, "dev", replaceSlice+" --yes --skip-preview")
		assert.Len(t, nodes(t), 2)
		w.shell(t, "dev", "pulumi preview --expect-no-changes")
	})
	step("an update that failed looks like a failed create, until a refresh", func(t *testing.T) {
		before := w.slices(t)
		w.shell(t, "", "bin/emulator fault update slice-0 'googleapi: Error 503: The service is currently unavailable., backendError'")
		w.emulator(t, append([]string{"start", "dev"}, flags(`labels={"team":"ml"}`)...)...)
		out, err := w.tryShell("dev", "pulumi up --yes --skip-preview")
		require.Error(t, err)
		assert.Contains(t, out, "Error 503")
		assert.Contains(t, w.sliceOps(t), "replace")
		w.shell(t, "dev", "pulumi refresh --yes --skip-preview")
		assert.Equal(t, []string{"update"}, w.sliceOps(t))
		w.shell(t, "dev", "pulumi up --yes --skip-preview")
		assert.Equal(t, before, w.slices(t), "the slice is the same")
		w.emulator(t, "up", "dev")
	})
	step("another machine type of the system pool is an update in place, and the endpoint goes on", func(t *testing.T) {
		pods := w.podUIDs(t)
		large := flags(`systemPool={"machineType":"e2-standard-16"}`)
		assert.Contains(t, w.emulator(t, append([]string{"up", "dev"}, large...)...), `Answer  {"meta_info"`)
		assert.Equal(t, pods, w.podUIDs(t))
		assert.Len(t, w.names(t, "nodes -l "+topology.NodePoolLabel+"=system,node.kubernetes.io/instance-type=e2-standard-16"), 1)
		assert.Len(t, w.names(t, "nodes -l "+topology.NodePoolLabel+"=system"), 1)
		w.shell(t, "dev", "pulumi preview --expect-no-changes")
	})
	step("down leaves nothing", w.down)
}

// sliceOps returns the operations on the slice's node pool in a preview.
func (w *world) sliceOps(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, s := range w.preview(t) {
		if strings.HasSuffix(s.URN, "NodePool::slice-0") {
			all = append(all, s.Op)
		}
	}
	return all
}
