package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/review"
)

// moved previews this program against the state of an earlier version. Only accepted resources
// may be replaced or deleted, so renamed resources need an alias. The deployed objects are those
// of this version.
func (w *world) moved(t *testing.T, stack, program string, settings []string) {
	file := w.stateFile(stack)
	now, err := os.ReadFile(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, os.WriteFile(file, now, 0o600)) }()
	require.NoError(t, os.WriteFile(file, earlier(t, now, stack), 0o600))

	kept := map[string]bool{}
	e := w.previewed(t, stack, program, settings, nil)
	require.Empty(t, e.Errors)
	accepted := strings.Split(read(t, filepath.Join("testdata", "moves", "accepted.txt")), "\n")
	for _, i := range e.Items {
		if i.Op == review.Replace || i.Op == review.Delete {
			assert.True(t, slices.Contains(accepted, i.Resource),
				"%s\nGive what has another name an alias. If stacks that are up have to bear this, add the line to testdata/moves/accepted.txt:\n%s", i.Sentence, i.Resource)
		}
		if i.Op == review.Create {
			kept[i.Resource] = true
		}
	}
	for _, resource := range []string{
		"gcp:container/cluster:Cluster cluster", "gcp:container/nodePool:NodePool slice-0",
		"kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet serving", "gcp:compute/network:Network network",
	} {
		assert.False(t, kept[resource], "%s is created beside the old one", resource)
	}
	assert.Equal(t, 8, e.Chips.Before, "the earlier state was read")
}

// addresses are the properties that depend on the running cluster, including field managers.
var addresses = map[string][]string{
	"pulumi:providers:kubernetes":   {"kubeconfig"},
	"gcp:container/cluster:Cluster": {"endpoint", "masterAuth", "controlPlaneEndpointsConfig"},
}

// earlier returns the recorded state of an earlier version, with the addresses of the running
// cluster.
func earlier(t *testing.T, now []byte, stack string) []byte {
	t.Helper()
	var file map[string]any
	require.NoError(t, json.Unmarshal(now, &file))
	latest, _ := file["checkpoint"].(map[string]any)["latest"].(map[string]any)
	var kept []any
	// The state was recorded with placeholders in the environments.
	recorded := strings.NewReplacer("your-project-id", "emulated-project", "your-reservation", "emulated-reservation").
		Replace(read(t, filepath.Join("testdata", "moves", stack+".json")))
	require.NoError(t, json.Unmarshal([]byte(recorded), &kept))
	for _, old := range kept {
		old := old.(map[string]any)
		delete(old, "protect") // previews end at the first one; see sandbox.Unprotect
		for _, current := range latest["resources"].([]any) {
			current := current.(map[string]any)
			for _, output := range append(addresses[old["type"].(string)], "__fieldManager") {
				for _, values := range []string{"inputs", "outputs"} {
					from, _ := current[values].(map[string]any)
					to, _ := old[values].(map[string]any)
					if value, has := from[output]; has && current["urn"] == old["urn"] && (values == "outputs" || output == "kubeconfig") {
						to[output] = value
					}
				}
			}
		}
	}
	latest["resources"] = kept
	text, err := json.Marshal(file)
	require.NoError(t, err)
	return text
}
