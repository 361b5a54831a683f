// Package model knows which models the server can serve and derives how one is
// spread over a slice.
package model

import "sort"

// Model is what the plan needs to know of a model.
type Model struct {
	ID          string
	Heads       int      // attention heads
	KVHeads     int      // key-value heads; replicated when fewer than the devices, so never a constraint
	WeightsGiB  int      // as they lie in HBM: bfloat16, or FP8 where the checkpoint is
	Context     int      // tokens of the longest request, max_position_embeddings of its config.json
	Experts     int      // routed experts of a mixture of experts; 0 for a dense model
	Gated       bool     // Hugging Face wants a token with an accepted licence
	AttentionTP int      // attention tensor parallelism that the kernels demand; 0: any
	Flags       []string // server arguments that this model always needs
}

// MoE reports whether the model is a mixture of experts.
func (m Model) MoE() bool { return m.Experts > 0 }

// catalogue holds heads, key-value heads, context, routed experts and weights as
// published in each model's config.json and safetensors index.
var catalogue = byID(
	Model{ID: "Qwen/Qwen2.5-Coder-32B-Instruct", Heads: 40, KVHeads: 8, WeightsGiB: 61, Context: 32768},
	Model{ID: "Qwen/Qwen2.5-7B-Instruct", Heads: 28, KVHeads: 4, WeightsGiB: 14, Context: 32768},
	Model{ID: "Qwen/Qwen2.5-Coder-7B-Instruct", Heads: 28, KVHeads: 4, WeightsGiB: 14, Context: 32768},
	Model{ID: "Qwen/Qwen2.5-14B-Instruct", Heads: 40, KVHeads: 8, WeightsGiB: 28, Context: 32768},
	Model{ID: "Qwen/Qwen2.5-72B-Instruct", Heads: 64, KVHeads: 8, WeightsGiB: 135, Context: 32768},
	Model{ID: "Qwen/Qwen3-8B", Heads: 32, KVHeads: 8, WeightsGiB: 15, Context: 40960},
	Model{ID: "Qwen/Qwen3-14B", Heads: 40, KVHeads: 8, WeightsGiB: 28, Context: 40960},
	Model{ID: "Qwen/Qwen3-32B", Heads: 64, KVHeads: 8, WeightsGiB: 61, Context: 40960},
	Model{ID: "Qwen/Qwen3-30B-A3B", Heads: 32, KVHeads: 4, WeightsGiB: 57, Context: 40960, Experts: 128},
	Model{ID: "Qwen/Qwen3-Coder-30B-A3B-Instruct", Heads: 32, KVHeads: 4, WeightsGiB: 57, Context: 262144, Experts: 128},
	Model{ID: "Qwen/Qwen3-235B-A22B", Heads: 64, KVHeads: 4, WeightsGiB: 438, Context: 40960, Experts: 128},
	Model{ID: "Qwen/Qwen3-Coder-480B-A35B-Instruct", Heads: 96, KVHeads: 8, WeightsGiB: 894, Context: 262144, Experts: 160},
	Model{ID: "meta-llama/Llama-3.1-8B-Instruct", Heads: 32, KVHeads: 8, WeightsGiB: 15, Context: 131072, Gated: true},
	Model{ID: "meta-llama/Llama-3.3-70B-Instruct", Heads: 64, KVHeads: 8, WeightsGiB: 131, Context: 131072, Gated: true},
	Model{ID: "meta-llama/Llama-3.1-405B-Instruct", Heads: 128, KVHeads: 8, WeightsGiB: 756, Context: 131072, Gated: true},
	Model{ID: "google/gemma-2-27b-it", Heads: 32, KVHeads: 16, WeightsGiB: 51, Context: 8192, Gated: true},
	Model{ID: "deepseek-ai/DeepSeek-V3", Heads: 128, WeightsGiB: 625, Context: 163840, Experts: 256, AttentionTP: 8},
	Model{ID: "deepseek-ai/DeepSeek-R1", Heads: 128, WeightsGiB: 625, Context: 163840, Experts: 256, AttentionTP: 8},
	Model{ID: "zai-org/GLM-4.5-Air", Heads: 96, KVHeads: 8, WeightsGiB: 199, Context: 131072, Experts: 128},
	Model{ID: "zai-org/GLM-4.5", Heads: 96, KVHeads: 8, WeightsGiB: 661, Context: 131072, Experts: 160},
	Model{
		ID: "xai-org/grok-2", Heads: 64, KVHeads: 8, WeightsGiB: 502, Context: 131072, Experts: 8,
		Flags: []string{"--tokenizer-path", "alvarobartt/grok-2-tokenizer"},
	},
	Model{ID: "MiniMaxAI/MiniMax-M2", Heads: 48, KVHeads: 8, WeightsGiB: 427, Context: 196608, Experts: 256},
)

func byID(models ...Model) map[string]Model {
	m := make(map[string]Model, len(models))
	for _, model := range models {
		m[model.ID] = model
	}
	return m
}

// Lookup finds a model by its Hugging Face id.
func Lookup(id string) (Model, bool) {
	m, ok := catalogue[id]
	return m, ok
}

// Names lists the catalogue in order.
func Names() []string {
	names := make([]string, 0, len(catalogue))
	for id := range catalogue {
		names = append(names, id)
	}
	sort.Strings(names)
	return names
}
