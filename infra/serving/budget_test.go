package serving

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/spec/topology"
)

const budgetType = "kubernetes:policy/v1:PodDisruptionBudget"

func TestTheBudgetAllowsTheDisruptionOfOneGroup(t *testing.T) {
	for name, test := range map[string]struct {
		shape    string
		replicas int
		pods     float64
	}{
		"two groups of two hosts":   {"2x2x2", 2, 2},
		"three groups of two hosts": {"2x2x2", 3, 4},
		"two groups of sixteen":     {"4x4x4", 2, 16},
		"three groups of one host":  {"2x2x1", 3, 2},
	} {
		t.Run(name, func(t *testing.T) {
			shape, err := topology.Parse(test.shape)
			assert.NoError(t, err)
			budget := serve(t, func(a *Args) { a.Topology, a.Replicas = shape, test.replicas }).Get(t, budgetType, "serving-budget")
			assert.Equal(t, map[string]any{
				"minAvailable": test.pods, "unhealthyPodEvictionPolicy": "AlwaysAllow",
				"selector": map[string]any{"matchLabels": map[string]any{"leaderworkerset.sigs.k8s.io/name": "sglang-tpu-cluster"}},
			}, budget.Value("spec"))
			assert.Equal(t, "sglang", budget.Value("metadata.namespace"))
			assert.True(t, budget.DependsOn("serving"))
		})
	}
}

func TestFewerThanTwoGroupsHaveNoBudget(t *testing.T) {
	for _, replicas := range []int{0, 1} {
		graph := serve(t, func(a *Args) { a.Replicas = replicas })
		assert.Empty(t, graph.OfType(budgetType), "it would only delay every upgrade and repair")
	}
}
