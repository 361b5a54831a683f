package internal

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "sglang-tpu/emulator/internal/"

// parts are the parts of the emulator and the other parts that they may import. All other
// packages, such as layout and proc, may be imported everywhere and must not import a part.
var parts = map[string][]string{
	"guests":  nil,                 // programs in pods
	"core":    {"guests"},          // the cloud, its clusters, nodes and registry
	"sandbox": {"core", "guests"},  // the command line
	"review":  {"sandbox"},         // reviews changes
	"proof":   {"core", "sandbox"}, // injects faults and measures
}

func TestPartsImportNoPartAboveThem(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	require.NoError(t, err)
	found := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		from := part(words[0])
		found[from] = true
		for _, imported := range words[1:] {
			if to := part(imported); to != "" && to != from {
				assert.Contains(t, parts[from], to, "%s imports %s", words[0], imported)
			}
		}
	}
	for name := range parts {
		assert.True(t, found[name], "no package is in %s", name)
	}
}

// part returns the part of a package; empty if it is in none.
func part(pkg string) string {
	name, ours := strings.CutPrefix(pkg, module)
	name, _, _ = strings.Cut(name, "/")
	if _, known := parts[name]; !ours || !known {
		return ""
	}
	return name
}
