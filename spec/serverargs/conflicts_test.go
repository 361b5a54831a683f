package serverargs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each is right for the parser, and refused after it.
func TestConflictsThatTheServerRejectsAfterParsing(t *testing.T) {
	for words, want := range map[string]string{
		"--kv-cache-dtype fp8_e4m3":                                        `--kv-cache-dtype "fp8_e4m3" passes the server's parser and is then refused as unsupported; use auto or bf16`,
		"--kv-cache-dtype fp8_e5m2":                                        "use auto or bf16",
		"--tokenizer-backend fastokens":                                    "use huggingface",
		"--hicache-storage file":                                           "not supported yet; use disable or none",
		"--hicache-storage none --hicache-ratio 0":                         `--hicache-ratio "0" is not greater than 0`,
		"--ep-num-redundant-experts -1":                                    `"-1" is too small; use 0 or more`,
		"--schedule-conservativeness -0.5":                                 "too small",
		"--model-layer-nums 0":                                             "use 1 or more",
		"--enable-expert-balance-debug --expert-balance-segment-counter 0": "use 1 or more",
		"--log-level verbose":                                              `--log-level "verbose" is not a level`,
		"--log-level-http INFO":                                            "use critical, error, warning, info, debug",
		"--json-model-override-args [1]":                                   `--json-model-override-args "[1]" is not a JSON object`,
		"--model-loader-extra-config x":                                    "is not a JSON object",
		"--preferred-sampling-params {":                                    "is not a JSON object",
		"--dtype-config {x}":                                               "is not a JSON object",
		"--enable-recurrent-extra-buffer --page-size 1":                    "needs a --page-size above 1",
		"--enable-recurrent-extra-buffer --page-size 64 --recurrent-track-interval 100":                                                                              "100 is not a multiple of --page-size 64",
		"--enable-recurrent-extra-buffer --page-size 64 --enable-mixed-chunk":                                                                                        "cannot be combined with --enable-mixed-chunk",
		"--lora-paths a b --max-loras-per-batch 0":                                                                                                                   "use 1 or more",
		"--lora-paths a --lora-target-modules all q_proj":                                                                                                            `use "all" without other values`,
		"--lora-paths a --max-loaded-loras 4":                                                                                                                        "--max-loaded-loras 4 is less than --max-loras-per-batch 8",
		"--enable-lora --max-lora-rank 16":                                                                                                                           "add both",
		"--enable-static-lora --enable-lora":                                                                                                                         "cannot be combined with --lora-paths or --enable-lora",
		"--enable-static-lora --max-lora-rank 8 --lora-target-modules all --max-loras-per-batch 1":                                                                   "needs --lora-scaling",
		"--enable-static-lora --max-lora-rank 8 --lora-target-modules all --lora-scaling 1":                                                                          "needs --max-loras-per-batch 1",
		"--speculative-algorithm EAGLE":                                                                                                                              "add --disable-overlap-schedule",
		"--speculative-algorithm NEXTN --speculative-eagle-topk 1":                                                                                                   "add --disable-overlap-schedule",
		"--speculative-algorithm EAGLE3 --speculative-eagle-topk 1 --speculative-num-steps 3 --attention-backend native":                                             "add --disable-overlap-schedule",
		"--speculative-algorithm DFLASH --speculative-eagle-topk 1 --speculative-num-steps 1 --grammar-backend none":                                                 "needs --speculative-draft-model-path",
		"--speculative-algorithm DFLASH --speculative-draft-model-path a --speculative-num-steps 1 --grammar-backend none":                                           "DFLASH needs --speculative-eagle-topk 1",
		"--speculative-algorithm DFLASH --speculative-draft-model-path a --speculative-eagle-topk 1 --speculative-num-steps 1":                                       "DFLASH needs --grammar-backend none",
		"--speculative-algorithm DFLASH --speculative-draft-model-path a --speculative-eagle-topk 1 --speculative-num-steps 1 --grammar-backend none --lora-paths a": "cannot be combined with --lora-paths",
	} {
		read := Read(strings.Fields(words), false)
		require.NoError(t, read.Err, words)
		assert.ErrorContains(t, Conflicts(read.Arguments), want, words)
	}
}

func TestValidCombinationsAreAccepted(t *testing.T) {
	for _, words := range []string{
		"",
		"--kv-cache-dtype bf16 --log-level debug --log-level-http warning --hicache-storage none",
		"--enable-recurrent-extra-buffer --page-size 128 --recurrent-track-interval 4096",
		"--lora-paths a=org/a org/b --lora-target-modules all",
		"--enable-lora --max-lora-rank 16 --lora-target-modules q_proj v_proj",
		"--enable-static-lora --max-lora-rank 8 --lora-target-modules all --max-loras-per-batch 1 --lora-scaling 0.5",
		"--speculative-algorithm NEXTN --speculative-eagle-topk 1 --speculative-num-steps 3 --speculative-num-draft-tokens 4",
		"--speculative-algorithm EAGLE3 --speculative-eagle-topk 1 --speculative-num-steps 3",
		"--speculative-algorithm EAGLE --disable-overlap-schedule",
		"--speculative-algorithm DFLASH --speculative-draft-model-path a --speculative-eagle-topk 1 --speculative-num-steps 1 --grammar-backend none",
		"--dtype-config /etc/dtypes.json --json-model-override-args {}",
	} {
		read := Read(strings.Fields(words), false)
		require.NoError(t, read.Err, words)
		assert.NoError(t, Conflicts(read.Arguments), words)
	}
}
