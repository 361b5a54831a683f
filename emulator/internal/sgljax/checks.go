package sgljax

import (
	"fmt"
	"strings"
)

// devicesPerChip is how many JAX devices a tpu7x chip is.
const devicesPerChip = 2

// heads of attention, by model, as the models' own configurations have them.
var heads = map[string]int{
	"Qwen/Qwen2.5-Coder-32B-Instruct": 40, "Qwen/Qwen2.5-7B-Instruct": 28, "Qwen/Qwen2.5-Coder-7B-Instruct": 28,
	"Qwen/Qwen2.5-14B-Instruct": 40, "Qwen/Qwen2.5-72B-Instruct": 64,
	"Qwen/Qwen3-8B": 32, "Qwen/Qwen3-14B": 40, "Qwen/Qwen3-32B": 64,
	"Qwen/Qwen3-30B-A3B": 32, "Qwen/Qwen3-Coder-30B-A3B-Instruct": 32, "Qwen/Qwen3-235B-A22B": 64, "Qwen/Qwen3-Coder-480B-A35B-Instruct": 96,
	"meta-llama/Llama-3.1-8B-Instruct": 32, "meta-llama/Llama-3.3-70B-Instruct": 64, "meta-llama/Llama-3.1-405B-Instruct": 128,
	"google/gemma-2-27b-it": 32, "deepseek-ai/DeepSeek-V3": 128, "deepseek-ai/DeepSeek-R1": 128,
	"zai-org/GLM-4.5-Air": 96, "zai-org/GLM-4.5": 96, "xai-org/grok-2": 64, "MiniMaxAI/MiniMax-M2": 48,
}

// checkShape compares flags with the devices that JAX sees over all hosts.
func checkShape(a arguments, devices int) error {
	world, dp := a.number("--tp-size", 1), a.number("--dp-size", 1)
	if dp < 1 || world%dp != 0 {
		return fmt.Errorf("AssertionError: tp_size %d must be divisible by dp_size %d", world, dp)
	}
	tp := world / dp
	if world != devices {
		return fmt.Errorf("ValueError: Number of devices %d must equal the product of mesh_shape (%d, %d)", devices, dp, tp)
	}
	if n, ok := heads[a["--model-path"]]; ok && n%tp != 0 {
		return fmt.Errorf("AssertionError: Number of attention heads %d must be divisible by tensor parallel size %d", n, tp)
	}
	page, chunk := a.number("--page-size", 1), a.number("--chunked-prefill-size", 0)
	if page < 1 {
		return fmt.Errorf("AssertionError: page_size %d must be positive", page)
	}
	if chunk > 0 && chunk%page != 0 {
		return fmt.Errorf("AssertionError: chunked_prefill_size %d must be a multiple of page_size %d", chunk, page)
	}
	return nil
}

// gated models need a token of an account that has accepted their licence.
func checkAccess(model, token string) error {
	for _, owner := range []string{"meta-llama/", "google/gemma"} {
		if strings.HasPrefix(model, owner) && token == "" {
			return fmt.Errorf("OSError: You are trying to access a gated repo.\nMake sure to have access to it at https://huggingface.co/%s.\n401 Client Error. Access to model %s is restricted. You must have access to it and be authenticated to access it. Please log in", model, model)
		}
	}
	return nil
}

// chipsOf multiplies a topology such as 2x2x2.
func chipsOf(topology string) int {
	chips := 1
	for _, side := range strings.Split(topology, "x") {
		var n int
		if _, err := fmt.Sscanf(side, "%d", &n); err != nil {
			return 0
		}
		chips *= n
	}
	return chips
}
