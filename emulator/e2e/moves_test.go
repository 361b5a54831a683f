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

// moved previews this program against the state that an earlier version left: nothing
// may be replaced or deleted but what is accepted, so a resource that is renamed has to
// carry an alias. The objects themselves are this version's, which is what is up.
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

// addresses are what tells where the cluster of today is. Its objects have field
// managers of today, too.
var addresses = map[string][]string{
	"pulumi:providers:kubernetes":   {"kubeconfig"},
	"gcp:container/cluster:Cluster": {"endpoint", "masterAuth", "controlPlaneEndpointsConfig"},
}

// earlier is the kept state in the place of today's: the cluster is today's.
func earlier(t *testing.T, now []byte, stack string) []byte {
	t.Helper()
	var file map[string]any
	require.NoError(t, json.Unmarshal(now, &file))
	latest, _ := file["checkpoint"].(map[string]any)["latest"].(map[string]any)
	var kept []any
	// The state is of a commit whose environments named a project that stands for any.
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
