package settings

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/serverargs"
)

func TestServerArgumentsThatCannotWorkAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		arguments string
		says      string
		also      []string // more settings
	}{
		"fewer requests than ranks": {`["--max-running-requests",1]`, `--max-running-requests 1 is less than the data parallelism of 2, and each data parallel rank needs at least one; use at least 2`, nil},
		"refused after parsing":     {`["--kv-cache-dtype","fp8_e4m3"]`, `--kv-cache-dtype "fp8_e4m3" passes the server's parser and is then refused as unsupported; use auto or bf16`, nil},
		"of a model that has none":  {`["--moe-backend","fused_v2"]`, `--moe-backend "fused_v2" works only with Bailing, MiMo and GlmMoeDsa models, and Qwen/Qwen3-30B-A3B is not one of them; use epmoe or fused`, []string{"sglang-tpu:model", "Qwen/Qwen3-30B-A3B"}},
		"a context out of reach":    {`["--context-length",131072]`, `or scale the positions: --json-model-override-args {"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}}`, nil},
		"scaled, and out of reach":  {`["--context-length",131072,"--json-model-override-args","{\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2.0}}"]`, "more than the 65536 tokens", nil},
		"scaled in no known way":    {`["--json-model-override-args","{\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2.0}}"]`, `rope_type "dynamic", which the server does not know; use default, llama3, proportional, yarn`, nil},
		"overrides of another type": {`["--json-model-override-args","{\"rope_scaling\":4}"]`, "contains a value whose type differs from config.json's", nil},
		"remote code":               {`["--trust-remote-code"]`, "sglang-tpu:trustRemoteCode is false; remove one of the two", []string{"sglang-tpu:trustRemoteCode", "false"}},
		"a draft of the model's revision": {
			`["--speculative-draft-model-path","org/draft","--speculative-algorithm","EAGLE","--disable-overlap-schedule"]`,
			`--speculative-draft-model-path "org/draft" has no revision, so the server looks for it at sglang-tpu:modelRevision (v1); add --speculative-draft-model-revision main, or the revision that you want`,
			[]string{"sglang-tpu:modelRevision", "v1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(coder(t).With(append(tc.also, "sglang-tpu:serverArguments", tc.arguments)...))
			require.ErrorContains(t, err, tc.says)
			for _, line := range strings.Split(err.Error(), "\n") {
				assert.True(t, strings.HasPrefix(line, "config sglang-tpu:serverArguments: "), line)
			}
		})
	}
}

func TestAllWrongArgumentsAreReportedTogether(t *testing.T) {
	_, err := load(coder(t).With("sglang-tpu:serverArguments", `["--tp","8","--page-size","many","--speed",9,"--enable-metrics","true","--dtype","fp16","--page-size",1]`))
	require.Error(t, err)
	assert.Len(t, strings.Split(err.Error(), "\n"), 6, "%s", err)
}

// What one argument has wrong keeps nothing else from being said.
func TestArgumentsAndTheirPlanAreCheckedTogether(t *testing.T) {
	_, err := load(coder(t).With("sglang-tpu:topology", "1x1x1", "sglang-tpu:trustRemoteCode", "false",
		"sglang-tpu:serverArguments", `["--speed",9,"--chunked-prefill-size",100,"--trust-remote-code"]`))
	for _, says := range []string{`"--speed" is not an argument`, "--chunked-prefill-size 100 is not a multiple", "sglang-tpu:trustRemoteCode is false"} {
		assert.ErrorContains(t, err, says)
	}
	_, err = load(coder(t).With("sglang-tpu:topology", "1x1x1",
		"sglang-tpu:serverArguments", `["--mem-fraction-static",0.3,"--kv-cache-dtype","fp8_e5m2"]`))
	for _, says := range []string{"refused as unsupported", "config sglang-tpu:model: Qwen/Qwen2.5-Coder-32B-Instruct needs 61 GiB"} {
		assert.ErrorContains(t, err, says)
	}
}

func TestScaledPositionsAllowALongerContext(t *testing.T) {
	const yarn = `"--json-model-override-args","{\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0,\"original_max_position_embeddings\":32768}}"`
	c, err := load(coder(t).With("sglang-tpu:serverArguments", `["--context-length",131072,`+yarn+`]`))
	require.NoError(t, err)
	assert.Equal(t, 32768, c.Model.Context, "a scaling that names the original context changes nothing by itself")
	longer := c.Plan.Requests

	c, err = load(coder(t).With("sglang-tpu:serverArguments", `["--json-model-override-args","{\"max_position_embeddings\":131072}"]`))
	require.NoError(t, err)
	assert.Equal(t, 131072, c.Model.Context)
	assert.Equal(t, longer, c.Plan.Requests, "the plan is for the longer context")
}

// Only the pinned commit's parser is known.
func TestUnknownArgumentsOfADifferentServerAreWarnings(t *testing.T) {
	for image, names := range map[string]string{
		`{"commit":"0123456789012345678901234567890123456789"}`:              "sglang-tpu:image.commit",
		`{"source":"mirror","version":"v0.2.0"}`:                             "sglang-tpu:image.version",
		`{"source":"prebuilt","reference":"example/sglang-jax@sha256:0000"}`: "sglang-tpu:image.reference",
	} {
		c, err := load(undivided(t).With("sglang-tpu:image", image,
			"sglang-tpu:serverArguments", `["--speed",9,"--kv-cache-dtype","fp8_e4m3","--dtype","fp4"]`))
		require.NoError(t, err, image)
		require.Len(t, c.Warnings, 3, image)
		for i, says := range []string{`"--speed" is not an argument of the server`, `--dtype "fp4" is not one of its choices`, "is then refused as unsupported"} {
			assert.Contains(t, c.Warnings[i].Error(), "config sglang-tpu:serverArguments: ")
			assert.Contains(t, c.Warnings[i].Error(), says)
			assert.Contains(t, c.Warnings[i].Error(), "(checked against sglang-jax cddbf6f1cc33); the server that "+names+" selects may accept it; otherwise every pod ends with exit code 2")
		}
		words := strings.Join(c.Arguments.Words(), " ")
		assert.Contains(t, words, "--dtype fp4", "in the place of the program's")
		assert.Contains(t, words, "--speed 9 --kv-cache-dtype fp8_e4m3")

		_, err = load(coder(t).With("sglang-tpu:image", image, "sglang-tpu:serverArguments", `["--tp","8","--page-size","a","--context-length"]`))
		for _, says := range []string{"abbreviation of --tp-size", `--page-size "a" is not a whole number`, "--context-length takes one value"} {
			assert.ErrorContains(t, err, says, image)
		}
	}
	for _, image := range []string{`{"commit":"` + serverargs.Commit + `"}`, `{"source":"build"}`} {
		_, err := load(coder(t).With("sglang-tpu:image", image, "sglang-tpu:serverArguments", `["--speed",9]`))
		assert.ErrorContains(t, err, "is not an argument of the server", image)
	}
}

func TestADraftModelsWeightsAreNotInThePlan(t *testing.T) {
	c, err := load(undivided(t).With("sglang-tpu:serverArguments",
		`["--speculative-draft-model","org/draft","--speculative-algorithm","EAGLE","--disable-overlap-schedule"]`))
	require.NoError(t, err)
	require.Len(t, c.Warnings, 1)
	assert.Contains(t, c.Warnings[0].Error(), "the plan does not count the weights of --speculative-draft-model-path org/draft")
}

func TestVariablesOfTheServer(t *testing.T) {
	checkVariables := func(variables map[string]string, secrets ...string) problem.List {
		return problemsIn(Settings{ServerEnvironment: variables}, (*loader).checkEnvironment, secrets...)
	}
	for name, why := range map[string]string{
		"HF_HOME": "cannot be set", "HF_HUB_OFFLINE": "cannot be set", "JAX_COMPILATION_CACHE_DIR": "sglang-tpu:cache", "JAX_PLATFORMS": "--device tpu",
		"LWS_WORKER_INDEX": "controller sets it", "TPU_PROCESS_PORT": "controller sets it", "TPU_TOPOLOGY": "GKE sets it", "DB_PASS": "looks like a secret", "HOME": "writable folder", "API_KEY_FILE": "sglang-tpu:apiKey",
		"MY_SECRET": "looks like a secret", "SGL_JAX_PD_SHARED_SECRET": "looks like a secret", "aws_access_key_id": "looks like a secret", "GITHUB_TOKEN": "looks like a secret",
		"A-B": "is not the name of a variable", "": "is not the name of a variable", "A B": "is not the name of a variable",
	} {
		err := checkVariables(map[string]string{name: "the-value"}).Err()
		require.ErrorContains(t, err, why, name)
		assert.NotContains(t, err.Error(), "the-value", "it may be a secret")
	}
	for _, name := range []string{"TPU_MIN_LOG_LEVEL", "HF_HUB_DOWNLOAD_TIMEOUT", "SGLANG_X", "LIBTPU_INIT_ARGS"} {
		assert.Empty(t, checkVariables(map[string]string{name: "1"}), name)
	}
	for _, text := range []string{"the-value", `{"MY_TOKEN":["the-value"]}`, `{"A":"b"} the-value`} {
		_, err := load(coder(t).With("sglang-tpu:serverEnvironment", text))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "the-value", text)
	}
	fine := map[string]string{"SGLANG_HEALTH_CHECK_TIMEOUT": "30", "TOKENIZERS_PARALLELISM": "false", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "LIBTPU_INIT_ARGS": "--x=y"}
	assert.Empty(t, checkVariables(fine))
	assert.ErrorContains(t, checkVariables(fine, "sglang-tpu:serverEnvironment").Err(), "contains a secret")
}
