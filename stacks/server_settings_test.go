package stacks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
)

func TestWhatIsSetForTheServerReachesItsPods(t *testing.T) {
	g := run(t, configtest.Minimal(t).With("sglang-tpu:trustRemoteCode", "false", "sglang-tpu:serverEnvironment", `{"SGLANG_X":"1"}`,
		"sglang-tpu:serverArguments", `["--served-model-name=-x","--lora-paths","mine=org/adapter"]`))
	set := g.OfType(setType)
	require.Len(t, set, 1)
	for _, role := range []string{"leader", "worker"} {
		container := "spec.leaderWorkerTemplate." + role + "Template.spec.containers[0]."
		words := set[0].Value(container + "args")
		assert.NotContains(t, words, "--trust-remote-code")
		assert.Contains(t, words, "--served-model-name=-x")
		assert.Contains(t, set[0].Value(container+"env"), map[string]any{"name": "SGLANG_X", "value": "1"})
	}
	download := g.OfType("kubernetes:batch/v1:Job")
	fetched := false
	for _, job := range download {
		if words, ok := job.Value("spec.template.spec.containers[0].args").([]any); ok {
			for _, word := range words {
				fetched = fetched || word == "org/adapter@main"
			}
		}
	}
	assert.True(t, fetched, "the adapter comes with the weights")
}
