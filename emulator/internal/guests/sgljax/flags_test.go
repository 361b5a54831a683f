package sgljax

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The verdicts are those of the server's parser; the file says how they were created.
func TestEveryListHasTheResultOfTheRealParser(t *testing.T) {
	text, err := os.ReadFile("../../../../spec/serverargs/testdata/verdicts.jsonl")
	require.NoError(t, err)
	lists := 0
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var list struct {
			Words   []string
			Verdict string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &list))
		lists++
		_, err := parse(list.Words)
		if list.Verdict == "accepted" {
			assert.NoError(t, err, "%q", list.Words)
		} else {
			assert.EqualError(t, err, list.Verdict, "%q", list.Words)
		}
	}
	assert.GreaterOrEqual(t, lists, 100)
}

func TestParsedValuesMatchPython(t *testing.T) {
	parsed, err := parse([]string{
		"--model", "m", "--tp-size=1_6", "--nn", " 2 ", "--port", "1", "--port", "2", "--enable-metrics",
		"--no-disaggregation-use-raiden", "--lora-paths", "a=x", "y", "--served-model-name=-x",
	})
	require.NoError(t, err)
	for flag, want := range map[string]string{
		"--model-path": "m", "--tp-size": "16", "--tensor-parallel-size": "16", "--nnodes": "2", "--port": "2", "--enable-metrics": "true",
		"--disaggregation-use-raiden": "false", "--lora-paths": "a=x y", "--served-model-name": "-x",
	} {
		assert.Equal(t, want, parsed[flag], flag)
	}
	assert.NotContains(t, parsed, "--page-size", "what is not given has no value")

	_, err = parse([]string{"--speed", "9", "--help"})
	assert.ErrorIs(t, err, errHelp, "before anything that is missing or unknown")
}

func TestShapesThatTheServerRejects(t *testing.T) {
	const qwen = "Qwen/Qwen2.5-Coder-32B-Instruct"
	for name, tc := range map[string]struct {
		args    arguments
		devices int
		err     string
	}{
		"two attention groups of eight": {arguments{"--model-path": qwen, "--tp-size": "16", "--dp-size": "2", "--page-size": "128", "--chunked-prefill-size": "2048"}, 16, ""},
		"a model that it does not know": {arguments{"--model-path": "some/other", "--tp-size": "16"}, 16, ""},
		"heads that do not divide":      {arguments{"--model-path": qwen, "--tp-size": "16"}, 16, "Number of attention heads (40) must be divisible by tensor parallel size (16). Got remainder: 8"},
		"fewer devices than there are":  {arguments{"--model-path": qwen, "--tp-size": "8"}, 16, "Number of devices 16 must equal the product of mesh_shape (1, 8)"},
		"groups that do not divide":     {arguments{"--model-path": qwen, "--tp-size": "16", "--dp-size": "3"}, 16, "Number of devices 16 must equal the product of mesh_shape (3, 5)"},
		"no groups":                     {arguments{"--model-path": qwen, "--tp-size": "16", "--dp-size": "0"}, 16, "ZeroDivisionError: integer division or modulo by zero"},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkShape(tc.args, tc.devices)
			if tc.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.err)
			}
		})
	}
}

// Texts of server_args.py, model_config.py, tp_worker.py and model_runner_kv_cache_mixin.py.
func TestConflictsAreRejectedAfterParsing(t *testing.T) {
	const draft = " --speculative-draft-model-path org/draft"
	for words, want := range map[string]string{
		"--chunked-prefill-size 200 --page-size 128": "AssertionError: chunked_prefill_size must be divisible by page_size",
		"--page-size 0":                            "ZeroDivisionError: integer modulo by zero",
		"--nnodes 2 --tp-size 3":                   "AssertionError: tp_size must be divisible by number of nodes",
		"--hicache-storage file":                   "ValueError: hicache_storage='file' (L3) is not supported yet",
		"--hicache-storage none --hicache-ratio 0": "ValueError: hicache_ratio must be positive, got 0.0",
		"--ep-num-redundant-experts -1":            "ValueError: ep_num_redundant_experts must be non-negative",
		"--enable-expert-balance-debug --expert-balance-segment-counter 0":              "ValueError: expert_balance_segment_counter must be positive",
		"--enable-recurrent-extra-buffer":                                               "ValueError: --enable-recurrent-extra-buffer requires --page-size > 1",
		"--enable-recurrent-extra-buffer --page-size 64 --recurrent-track-interval 100": "ValueError: --recurrent-track-interval (100) must be a multiple of --page-size (64).",
		"--enable-recurrent-extra-buffer --page-size 64 --enable-mixed-chunk":           "does not support mixed chunked prefill yet",
		"--enable-lora":                                                                               "AssertionError: When no initial --lora-paths is provided",
		"--enable-static-lora --lora-paths a":                                                         "AssertionError: True and True can not be enable at the same time",
		"--lora-paths a --lora-target-modules all q_proj":                                             "AssertionError: If 'all' is specified",
		"--lora-paths a --max-loaded-loras 4":                                                         "AssertionError: max_loaded_loras must be >= max_loras_per_batch",
		"--speculative-algorithm EAGLE":                                                               "ValueError: Speculative overlap scheduler only supports DFLASH, EAGLE3+FA, or NEXTN",
		"--speculative-algorithm DFLASH --speculative-eagle-topk 1":                                   "ValueError: DFLASH (minimal) requires --speculative-num-steps=1.",
		"--speculative-algorithm DFLASH --speculative-eagle-topk 1 --speculative-num-steps 1":         "ValueError: DFLASH requires --speculative-draft-model-path",
		"--speculative-algorithm DFLASH --speculative-eagle-topk 1 --speculative-num-steps 1" + draft: "ValueError: DFLASH does not support constrained decoding.",
		"--json-model-override-args {":                                                                "json.decoder.JSONDecodeError: ",
		"--model-layer-nums 0":                                                                        "ValueError: model_layer_nums must be positive, got 0",
		"--multimodal":                                                                                "NotImplementedError: ",
		"--kv-cache-dtype fp8_e4m3":                                                                   "ValueError: Unsupported kv_cache_dtype: fp8_e4m3.",
		"--max-running-requests 1 --dp-size 2":                                                        "ValueError: max_running_requests (1) is less than dp_size (2). Please increase memory allocation or reduce dp_size.",
	} {
		parsed, err := parse(append([]string{"--model-path", "m"}, strings.Fields(words)...))
		require.NoError(t, err, words)
		err = checkArguments(parsed)
		if err == nil {
			err = checkPools(parsed)
		}
		assert.ErrorContains(t, err, want, words)
	}
	for _, words := range []string{
		"", "--page-size 128 --nnodes 2 --tp-size 16 --dp-size 2 --max-running-requests 2 --kv-cache-dtype bf16", "--chunked-prefill-size -1 --page-size 100",
		"--lora-paths a=org/a org/b", "--speculative-algorithm NEXTN --speculative-eagle-topk 1 --speculative-num-steps 3", "--hicache-storage none",
		`--json-model-override-args {"a":1}`,
	} {
		parsed, err := parse(append([]string{"--model-path", "m"}, strings.Fields(words)...))
		require.NoError(t, err, words)
		assert.NoError(t, checkArguments(parsed), words)
		assert.NoError(t, checkPools(parsed), words)
	}
}

// The text is what Python's argparse prints for the server's parser.
func TestTheUsageIsArgparses(t *testing.T) {
	want, err := os.ReadFile("testdata/usage.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), usage())
}
