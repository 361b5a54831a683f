package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/core/injection"
	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/socket"
)

// TestASampleOfTheFaultMatrix lets a few operations fail, others each time: make faults tries them all. The seed in the
// output repeats it: bin/emulator faults -cells 1 -draw 5 -seed SEED.
func TestASampleOfTheFaultMatrix(t *testing.T) {
	parallel(t, 120)
	w := newWorld(t)
	out := w.emulator(t, "faults", "-cells", "1", "-draw", "5")
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "faults:") {
			fmt.Print("    " + line)
		}
	}
	assert.Regexp(t, `seed \d+`, out)
	assert.Contains(t, out, ", 0 unexplained")
}

// lost are resources of which the answer to the create is lost, by their names in the program. None of them waits for
// another, so that one run creates them all.
var lost = map[string]struct{ typ, id string }{
	"network":        {"gcp:compute/network:Network", "projects/emulated-project/global/networks/sglang-tpu-dev"},
	"cache":          {"gcp:storage/bucket:Bucket", "emulated-project-sglang-tpu-dev-cache"},
	"registry":       {"gcp:artifactregistry/repository:Repository", "projects/emulated-project/locations/us-central1/repositories/sglang-tpu-dev"},
	"cluster-nodes":  {"gcp:serviceaccount/account:Account", "projects/emulated-project/serviceAccounts/sglang-tpu-dev-nodes@emulated-project.iam.gserviceaccount.com"},
	"slice-0-policy": {"gcp:compute/resourcePolicy:ResourcePolicy", "projects/emulated-project/regions/us-central1/resourcePolicies/sglang-tpu-dev-slice-0-2x2x2"},
}

// TestWhatIsImportedBeforeADestroyGoesWithTheStack imports what Pulumi does not know of, by the commands of
// docs/troubleshooting.md.
func TestWhatIsImportedBeforeADestroyGoesWithTheStack(t *testing.T) {
	parallel(t, 25)
	w := newWorld(t)
	w.emulator(t, "start", "dev")
	var faults []injection.Fault
	for _, l := range lost {
		faults = append(faults, injection.Fault{Operation: injection.Create, Resource: l.typ + " " + l.id, Effect: injection.Lose})
	}
	inject := func(faults []injection.Fault) {
		require.NoError(t, socket.Post(t.Context(), layout.Layout{Root: w.root}.Socket(), "/injected", faults, nil))
	}
	inject(faults)
	out, err := w.tryShell("dev", "pulumi up --yes --skip-preview --continue-on-error")
	require.Error(t, err, out)
	inject([]injection.Fault{})
	exist, state := w.emulator(t, "resources"), w.shell(t, "dev", "pulumi stack export")
	for name, l := range lost {
		require.Contains(t, exist, l.typ+" "+l.id+"\n", "%s exists", name)
		require.NotContains(t, state, `"id": "`+l.id+`"`, "Pulumi does not know of %s", name)
	}

	file := filepath.Join(w.outside, "import.json")
	w.shell(t, "dev", "pulumi preview --import-file "+file)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var list struct {
		NameTable map[string]string `json:"nameTable,omitempty"`
		Resources []map[string]any  `json:"resources"`
	}
	require.NoError(t, json.Unmarshal(text, &list))
	list.Resources = slices.DeleteFunc(list.Resources, func(r map[string]any) bool {
		name, _ := r["name"].(string)
		if logical, ok := r["logicalName"].(string); ok { // of two resources of one name, as of a component and its first
			name = logical
		}
		l, exists := lost[name]
		if !exists || r["type"] != l.typ {
			return true
		}
		assert.Equal(t, "<PLACEHOLDER>", r["id"], name)
		r["id"] = l.id
		return false
	})
	require.Len(t, list.Resources, len(lost))
	text, err = json.Marshal(list)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	w.shell(t, "dev", "pulumi import --file "+file+" --yes --skip-preview --protect=false --generate-code=false && rm "+file)

	w.shell(t, "dev", "pulumi destroy --yes --skip-preview")
	assert.Empty(t, strings.TrimSpace(w.emulator(t, "resources")))
}
