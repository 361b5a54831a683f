// Package model knows which models the server can serve and derives how one is
// spread over a slice.
package model

import "sort"

// Model is what the plan needs to know of a model.
type Model struct {
	ID string

	Heads    int // attention heads
	KVHeads  int // key-value heads; replicated when fewer than the devices, so never a constraint
	HeadSize int // values of one head
	Layers   int // that keep keys and values; 0: not known, and then the cache cannot be planned
	Latent   Latent
	// SlidingLayers of Layers look back over a window only.
	SlidingLayers int

	WeightsGiB  int // as they lie in HBM: bfloat16, or FP8 where the checkpoint is
	DownloadGiB int // of the repository, where it holds more than is loaded; 0: WeightsGiB
	Context     int // tokens of the longest request, max_position_embeddings of its config.json
	Experts     int // routed experts of a mixture of experts; 0 for a dense model

	Gated       bool     // Hugging Face wants a token with an accepted licence
	AttentionTP int      // attention tensor parallelism that the kernels demand; 0: any
	Flags       []string // server arguments that this model always needs
}

// Latent is what multi-head latent attention keeps of a token in place of keys and
// values; the zero value is a model without.
type Latent struct {
	Rank int // kv_lora_rank
	Rope int // qk_rope_head_dim
}

// MoE reports whether the model is a mixture of experts.
func (m Model) MoE() bool { return m.Experts > 0 }

// RepositoryGiB is what is fetched from the Hub, and what a host's disk has to hold.
func (m Model) RepositoryGiB() int {
	if m.DownloadGiB > 0 {
		return m.DownloadGiB
	}
	return m.WeightsGiB
}

// catalogue holds what each model's config.json says: num_attention_heads,
// num_key_value_heads, head_dim (hidden_size / num_attention_heads where it is left
// out), num_hidden_layers, max_position_embeddings and the number of routed experts;
// weights are from its safetensors index.
//
// Layers, heads and head size were compared with copies of these files in public
// repositories (MaxText's hf_model_configs.py for Qwen, Llama, Gemma and DeepSeek).
// Not seen in such a copy: layers and context of grok-2, the contexts of GLM-4.5 and
// GLM-4.5-Air, and the sizes of the repositories of DeepSeek and GLM, whose layer for
// multi-token prediction is fetched and not loaded.
var catalogue = byID(
	Model{ID: "Qwen/Qwen2.5-Coder-32B-Instruct", Heads: 40, KVHeads: 8, HeadSize: 128, Layers: 64, WeightsGiB: 61, Context: 32768},
	Model{ID: "Qwen/Qwen2.5-7B-Instruct", Heads: 28, KVHeads: 4, HeadSize: 128, Layers: 28, WeightsGiB: 14, Context: 32768},
	Model{ID: "Qwen/Qwen2.5-Coder-7B-Instruct", Heads: 28, KVHeads: 4, HeadSize: 128, Layers: 28, WeightsGiB: 14, Context: 32768},
	Model{ID: "Qwen/Qwen2.5-14B-Instruct", Heads: 40, KVHeads: 8, HeadSize: 128, Layers: 48, WeightsGiB: 28, Context: 32768},
	Model{ID: "Qwen/Qwen2.5-72B-Instruct", Heads: 64, KVHeads: 8, HeadSize: 128, Layers: 80, WeightsGiB: 135, Context: 32768},
	Model{ID: "Qwen/Qwen3-8B", Heads: 32, KVHeads: 8, HeadSize: 128, Layers: 36, WeightsGiB: 15, Context: 40960},
	Model{ID: "Qwen/Qwen3-14B", Heads: 40, KVHeads: 8, HeadSize: 128, Layers: 40, WeightsGiB: 28, Context: 40960},
	Model{ID: "Qwen/Qwen3-32B", Heads: 64, KVHeads: 8, HeadSize: 128, Layers: 64, WeightsGiB: 61, Context: 40960},
	Model{ID: "Qwen/Qwen3-30B-A3B", Heads: 32, KVHeads: 4, HeadSize: 128, Layers: 48, WeightsGiB: 57, Context: 40960, Experts: 128},
	Model{ID: "Qwen/Qwen3-Coder-30B-A3B-Instruct", Heads: 32, KVHeads: 4, HeadSize: 128, Layers: 48, WeightsGiB: 57, Context: 262144, Experts: 128},
	Model{ID: "Qwen/Qwen3-235B-A22B", Heads: 64, KVHeads: 4, HeadSize: 128, Layers: 94, WeightsGiB: 438, Context: 40960, Experts: 128},
	Model{ID: "Qwen/Qwen3-Coder-480B-A35B-Instruct", Heads: 96, KVHeads: 8, HeadSize: 128, Layers: 62, WeightsGiB: 894, Context: 262144, Experts: 160},
	Model{ID: "meta-llama/Llama-3.1-8B-Instruct", Heads: 32, KVHeads: 8, HeadSize: 128, Layers: 32, WeightsGiB: 15, Context: 131072, Gated: true},
	Model{ID: "meta-llama/Llama-3.3-70B-Instruct", Heads: 64, KVHeads: 8, HeadSize: 128, Layers: 80, WeightsGiB: 131, Context: 131072, Gated: true},
	Model{ID: "meta-llama/Llama-3.1-405B-Instruct", Heads: 128, KVHeads: 8, HeadSize: 128, Layers: 126, WeightsGiB: 756, Context: 131072, Gated: true},
	Model{ID: "google/gemma-2-27b-it", Heads: 32, KVHeads: 16, HeadSize: 128, Layers: 46, SlidingLayers: 23, WeightsGiB: 51, Context: 8192, Gated: true},
	deepSeek("deepseek-ai/DeepSeek-V3"),
	deepSeek("deepseek-ai/DeepSeek-R1"),
	Model{ID: "zai-org/GLM-4.5-Air", Heads: 96, KVHeads: 8, HeadSize: 128, Layers: 46, WeightsGiB: 199, DownloadGiB: 206, Context: 131072, Experts: 128},
	Model{ID: "zai-org/GLM-4.5", Heads: 96, KVHeads: 8, HeadSize: 128, Layers: 92, WeightsGiB: 661, DownloadGiB: 667, Context: 131072, Experts: 160},
	Model{
		ID: "xai-org/grok-2", Heads: 64, KVHeads: 8, HeadSize: 128, Layers: 64, WeightsGiB: 502, Context: 131072, Experts: 8,
		Flags: []string{"--tokenizer-path", "alvarobartt/grok-2-tokenizer"},
	},
	// FP8 in the repository, and kept so in HBM (quant_method fp8 of its config.json,
	// which the server detects).
	Model{ID: "MiniMaxAI/MiniMax-M2", Heads: 48, KVHeads: 8, HeadSize: 128, Layers: 62, WeightsGiB: 214, Context: 196608, Experts: 256},
)

// deepSeek is a model of the V3 family, FP8 in the repository and in HBM.
func deepSeek(id string) Model {
	return Model{
		ID: id, Heads: 128, Layers: 61, Latent: Latent{Rank: 512, Rope: 64},
		WeightsGiB: 625, DownloadGiB: 641, Context: 163840, Experts: 256, AttentionTP: 8,
	}
}

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
