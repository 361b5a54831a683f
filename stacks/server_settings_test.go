package stacks

import (
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/pulumitest"
)

func TestServerSettingsReachThePods(t *testing.T) {
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

// What the pods set themselves a user may not set: the test walks what they do set.
func TestUsersCannotSetVariablesOfThePods(t *testing.T) {
	ways := everyWay(t)
	ways["another revision"] = configtest.Minimal(t).With("sglang-tpu:modelRevision", "v1")
	t.Setenv(pulumi.EnvConfigSecretKeys, `["sglang-tpu:hfToken","sglang-tpu:apiKey"]`)
	seen := map[string]bool{}
	for _, values := range ways {
		g, err := pulumitest.TryRun(new(Endpoint).Serving, values)
		require.NoError(t, err)
		set := g.Get(t, setType, "serving")
		for i := 0; set.Value(fmt.Sprintf("%s[%d].name", leaderEnv, i)) != nil; i++ {
			seen[set.Value(fmt.Sprintf("%s[%d].name", leaderEnv, i)).(string)] = true
		}
	}
	require.Contains(t, seen, "TOKENIZER")
	require.Contains(t, seen, "API_KEY_FILE")
	for name := range seen {
		_, err := pulumitest.TryRun(new(Endpoint).Serving, configtest.Minimal(t).With("sglang-tpu:serverEnvironment", `{"`+name+`":"x"}`))
		assert.ErrorContains(t, err, "config sglang-tpu:serverEnvironment."+name+": ", name)
	}
}

const leaderEnv = "spec.leaderWorkerTemplate.leaderTemplate.spec.containers[0].env"
