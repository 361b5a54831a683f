package stacks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/pulumitest"
)

// withReplicas returns what is registered with so many groups, as the recorded graphs have it: text by resource.
func withReplicas(t *testing.T, replicas int) map[string]string {
	t.Helper()
	t.Setenv(pulumi.EnvConfigSecretKeys, "[]")
	values := configtest.Environment(t, "dev").With("sglang-tpu:replicas", fmt.Sprint(replicas))
	g, err := pulumitest.TryRun(new(Endpoint).Serving, values, pulumitest.WithStack("dev"))
	require.NoError(t, err)
	found := map[string]string{}
	for _, block := range strings.Split(strings.TrimSpace(g.Text()), "\n\n") {
		name, _, _ := strings.Cut(block, "\n")
		found[name] = block
	}
	return found
}

// bytesOf is the size of a graph, of which the size of the state and the time of a preview follow.
func bytesOf(graph map[string]string) (sum int) {
	for _, text := range graph {
		sum += len(text)
	}
	return sum
}

func TestAddingAGroupOnlyChangesTheNumberOfGroups(t *testing.T) {
	for _, n := range []int{1, 4, 16, 63} {
		before, after := withReplicas(t, n), withReplicas(t, n+1)
		var changed []string
		for name, text := range before {
			if after[name] != text {
				changed = append(changed, name)
			}
		}
		// What counts groups, and what watches them.
		set := "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet serving"
		counted := []string{
			set, "gcp:monitoring/dashboard:Dashboard monitoring-dashboard",
			"gcp:monitoring/alertPolicy:AlertPolicy monitoring-alert-no-answer", "gcp:monitoring/alertPolicy:AlertPolicy monitoring-alert-slice-lost",
		}
		if n > 1 { // one group has no budget
			counted = append(counted, "kubernetes:policy/v1:PodDisruptionBudget serving-budget")
		}
		assert.ElementsMatch(t, counted, changed, "from %d to %d groups", n, n+1)
		// The set waits for one slice more, and has another number of groups.
		assert.Equal(t, strings.Replace(before[set], fmt.Sprintf("replicas: %d\n", n), fmt.Sprintf("replicas: %d\n", n+1), 1),
			strings.Replace(after[set], fmt.Sprintf("    - gcp:container/nodePool:NodePool slice-%d\n", n), "", 1), "but for the number")
	}
}

func TestReducingReplicasDeletesTheLastGroupsAndTheirSlices(t *testing.T) {
	before, after := withReplicas(t, 4), withReplicas(t, 3)
	var gone []string
	for name := range before {
		if _, stays := after[name]; !stays {
			gone = append(gone, name)
		}
	}
	for _, name := range gone {
		assert.Regexp(t, `(slice|group)-3`, name, "only what belongs to the last group goes")
	}
	assert.Contains(t, gone, "gcp:container/nodePool:NodePool slice-3")
}

func TestEachGroupCostsTheSameAt64AsAt4(t *testing.T) {
	resources := map[int]int{}
	bytes := map[int]int{}
	for _, n := range []int{2, 4, 16, 64} {
		graph := withReplicas(t, n)
		resources[n], bytes[n] = len(graph), bytesOf(graph)
	}
	perGroup := (resources[4] - resources[2]) / 2
	t.Logf("%d resources and %d bytes for each group", perGroup, (bytes[64]-bytes[4])/60)
	assert.Equal(t, resources[2]+62*perGroup, resources[64])
	// Names of two digits are longer.
	assert.InEpsilon(t, float64(bytes[4]-bytes[2])/2, float64(bytes[64]-bytes[16])/48, 0.05)
}
