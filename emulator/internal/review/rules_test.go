package review

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recordedTypes returns the types in the graphs that the program's tests record for all
// environments.
func recordedTypes(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "stacks", "testdata", "graph", "*.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	types := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			typ, _, ok := strings.Cut(line, " ")
			if ok && typ != "" && !strings.HasPrefix(typ, "pulumi:") && !strings.HasPrefix(typ, "sglang-tpu:") && !strings.HasPrefix(typ, "#") {
				types[typ] = true
			}
		}
	}
	return types
}

func TestEveryTypeHasARuleForEachOperation(t *testing.T) {
	types := recordedTypes(t)
	require.Contains(t, types, nodePool)
	require.Contains(t, types, set)
	for typ := range types {
		if typ == "kubernetes:helm.sh/v4:Chart" {
			continue // a component
		}
		for _, op := range []Op{Create, Update, Replace, Delete} {
			s := Step{Op: op, URN: resource.URN("urn:pulumi:dev::sglang-tpu::" + typ + "::x")}
			assert.NotEqual(t, unknown.text, ruleFor(s, "property").text, "%s of %s: write a rule for it in rules.go", op, typ)
		}
	}
}

func TestAChangeWithoutARuleIsNotHarmless(t *testing.T) {
	s := Step{Op: Delete, URN: "urn:pulumi:dev::sglang-tpu::gcp:sql/database:Database::x"}
	r := ruleFor(s, "")
	assert.Equal(t, unknown.text, r.text)
	assert.True(t, r.loses)
	assert.True(t, r.caution)
	assert.Equal(t, Rolling, r.class)
}

func TestFlexStartNodesAreNotRecreated(t *testing.T) {
	s := Step{
		Op: Update, URN: "urn:pulumi:dev::sglang-tpu::" + inSlice + "$" + nodePool + "::slice-0",
		New: &State{Inputs: object(t, `{"nodeConfig": {"flexStart": true}}`)},
	}
	assert.Equal(t, None, ruleFor(s, "nodeConfig.diskSizeGb").class)
	assert.Contains(t, ruleFor(s, "nodeConfig.diskSizeGb").text, "stay as they are")
	s.New.Inputs = object(t, `{"nodeConfig": {"spot": true}}`)
	assert.Equal(t, SliceRebuild, ruleFor(s, "nodeConfig.diskSizeGb").class)
}

func TestANodePoolWithoutNodesRequestsNoChips(t *testing.T) {
	s := Step{Op: Create, URN: "urn:pulumi:dev::sglang-tpu::" + inSlice + "$" + nodePool + "::slice-0-spot-1", New: &State{Inputs: object(t, `{"nodeCount": 2}`)}}
	assert.Contains(t, ruleFor(s, "").text, "{chips} chips are requested, which takes")
	s.New.Inputs = object(t, `{"autoscaling": {"maxNodeCount": 2}}`)
	assert.Contains(t, ruleFor(s, "").text, "no chips are requested until a group needs a slice")
}

func TestTheFirstMatchingRuleApplies(t *testing.T) {
	const slice = "urn:pulumi:dev::sglang-tpu::" + inSlice + "$" + nodePool + "::slice-0"
	const system = "urn:pulumi:dev::sglang-tpu::sglang-tpu:infra:Cluster$" + nodePool + "::cluster-system"
	for _, c := range []struct {
		urn      resource.URN
		op       Op
		property string
		class    Class
		loses    bool
	}{
		{slice, Replace, "", SliceRebuild, false},
		{slice, Delete, "", GroupRestart, true},
		{slice, Create, "", None, false},
		{slice, Update, "nodeConfig.resourceLabels.team", None, false},
		{slice, Update, "nodeConfig.linuxNodeConfig.sysctls", SliceRebuild, false},
		{slice, Update, "nodeConfig.machineType", SliceRebuild, false},
		{slice, Update, "nodeConfig.diskSizeGb", SliceRebuild, false},
		{slice, Update, "nodeConfig.imageType", SliceRebuild, false},
		{slice, Update, "nodeConfig.tags[0]", None, false},
		{slice, Update, "placementPolicy.tpuTopology", None, false},
		{slice, Update, "management.autoRepair", None, false},
		{slice, Update, "nodeLocations[0]", SliceRebuild, false},
		{slice, Update, "nodeConfig.taints", None, false},
		{slice, Update, "autoscaling", None, false},
		{"urn:pulumi:dev::sglang-tpu::" + computeClass + "::capacity", Update, "spec.priorities", None, false},
		{system, Replace, "", Rolling, false},
		{system, Update, "nodeCount", None, false},
		{system, Update, "nodeConfig.machineType", Rolling, false},
		{"urn:pulumi:dev::sglang-tpu::" + cluster + "::c", Update, "addonsConfig", None, false},
		{"urn:pulumi:dev::sglang-tpu::" + cluster + "::c", Replace, "", ClusterRebuild, true},
		{"urn:pulumi:dev::sglang-tpu::gcp:storage/bucket:Bucket::c", Delete, "", None, true},
		{"urn:pulumi:dev::sglang-tpu::gcp:storage/bucketIAMMember:BucketIAMMember::c", Delete, "", None, false},
	} {
		r := ruleFor(Step{Op: c.op, URN: c.urn}, c.property)
		assert.Equal(t, c.class, r.class, "%v", c)
		assert.Equal(t, c.loses, r.loses, "%v", c)
	}
}

func TestComponentsAreCountedAsPulumiCountsThem(t *testing.T) {
	const slice = "urn:pulumi:dev::sglang-tpu::" + inSlice
	e := Of("dev", Preview{Steps: []Step{
		{Op: Create, URN: slice + "::slice-1", New: &State{Type: inSlice}},
		{Op: Create, URN: slice + "$" + nodePool + "::slice-1", New: &State{Type: nodePool, Custom: true}},
		{Op: Same, URN: slice + "$" + policy + "::slice-1-policy", New: &State{Type: policy, Custom: true}},
	}}, nil)
	assert.Equal(t, Counts{Created: 2}, e.Counts)
	assert.Len(t, e.Items, 1, "what groups others does nothing itself")
}

func TestFewerGroupsAreNamed(t *testing.T) {
	assert.Equal(t, "group 3 ends", ending(3, 4))
	assert.Equal(t, "groups 1 to 3 end", ending(1, 4))
}
