// Package model holds the catalogue of models and computes how a model is spread over
// a slice.
package model

import (
	"cmp"
	"maps"
	"slices"

	"sglang-tpu/spec/serverargs"
)

// Model is what the plan needs to know of a model. The numbers are those of its config.json
// and safetensors index; customModel gives them for a model outside the catalogue.
type Model struct {
	ID string `json:"-"` // Hugging Face id

	// Attention heads, num_attention_heads.
	Heads int `json:"heads" jsonschema:"minimum=1"`
	// GiB of the weights in HBM: as bfloat16, or as FP8 if the checkpoint is FP8.
	WeightsGiB int `json:"weightsGiB" jsonschema:"minimum=1"`
	// GiB to download, if the repository holds more than the server loads. 0 means weightsGiB.
	RepositoryGiB int `json:"repositoryGiB" jsonschema:"minimum=0"`
	// Tokens of the longest request, max_position_embeddings.
	Context int `json:"context" jsonschema:"minimum=1"`
	// Routed experts of a mixture of experts. 0 means a dense model.
	Experts int `json:"experts" jsonschema:"minimum=0"`
	// Whether Hugging Face requires a token of an account that has accepted the licence.
	Gated bool `json:"gated"`
	// Attention tensor parallelism, in devices, that the model's kernels require. 0 means any.
	AttentionTP int `json:"attentionTensorParallelism" jsonschema:"minimum=0"`

	// Layers that keep keys and values, num_hidden_layers. The plan computes the size of the key-value cache from
	// layers, kvHeads and headSize, or from layers, kvLoraRank and qkRopeHeadDim.
	Layers int `json:"layers" jsonschema:"minimum=0"`
	// Key-value heads, num_key_value_heads. If there are fewer heads than devices, they are replicated.
	KVHeads int `json:"kvHeads" jsonschema:"minimum=0"`
	// Values of one head, head_dim.
	HeadSize int `json:"headSize" jsonschema:"minimum=0"`
	// Size of the latent that multi-head latent attention keeps instead of keys and values, kv_lora_rank. 0 means a
	// model without it.
	KVLoraRank int `json:"kvLoraRank" jsonschema:"minimum=0"`
	// Size of the rotary part of a latent, qk_rope_head_dim.
	QKRopeHeadDim int `json:"qkRopeHeadDim" jsonschema:"minimum=0"`

	SlidingLayers int             `json:"-"` // of Layers, those that look back over a window only
	Flags         serverargs.List `json:"-"` // server arguments that this model always needs
}

// MoE reports whether the model is a mixture of experts.
func (m Model) MoE() bool { return m.Experts > 0 }

// Latent reports whether the model has multi-head latent attention.
func (m Model) Latent() bool { return m.KVLoraRank != 0 || m.QKRopeHeadDim != 0 }

// WithDefaults sets the numbers that follow from others.
func (m Model) WithDefaults() Model {
	m.RepositoryGiB = cmp.Or(m.RepositoryGiB, m.WeightsGiB)
	return m
}

// catalogue contains the numbers in each model's config.json: num_attention_heads,
// num_key_value_heads, head_dim (hidden_size / num_attention_heads where it is left out),
// num_hidden_layers, max_position_embeddings and the number of routed experts; weights are
// from its safetensors index.
//
// Layers, heads and head size were compared with copies of these files in public
// repositories (MaxText's hf_model_configs.py for Qwen, Llama, Gemma and DeepSeek).
// These were not found in such a copy: layers and context of grok-2, the contexts of
// GLM-4.5 and GLM-4.5-Air, and the sizes of the repositories of DeepSeek and GLM, whose
// layer for multi-token prediction is fetched and not loaded.
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
	Model{ID: "zai-org/GLM-4.5-Air", Heads: 96, KVHeads: 8, HeadSize: 128, Layers: 46, WeightsGiB: 199, RepositoryGiB: 206, Context: 131072, Experts: 128},
	Model{ID: "zai-org/GLM-4.5", Heads: 96, KVHeads: 8, HeadSize: 128, Layers: 92, WeightsGiB: 661, RepositoryGiB: 667, Context: 131072, Experts: 160},
	Model{
		ID: "xai-org/grok-2", Heads: 64, KVHeads: 8, HeadSize: 128, Layers: 64, WeightsGiB: 502, Context: 131072, Experts: 8,
		Flags: serverargs.List{{Flag: serverargs.TokenizerFlag, Values: []string{"alvarobartt/grok-2-tokenizer"}}},
	},
	// FP8 in the repository and in HBM (quant_method fp8 of its config.json, which the
	// server detects).
	Model{ID: "MiniMaxAI/MiniMax-M2", Heads: 48, KVHeads: 8, HeadSize: 128, Layers: 62, WeightsGiB: 214, Context: 196608, Experts: 256},
)

// deepSeek is a model of the V3 family, FP8 in the repository and in HBM.
func deepSeek(id string) Model {
	return Model{
		ID: id, Heads: 128, Layers: 61, KVLoraRank: 512, QKRopeHeadDim: 64,
		WeightsGiB: 625, RepositoryGiB: 641, Context: 163840, Experts: 256, AttentionTP: 8,
	}
}

func byID(models ...Model) map[string]Model {
	m := make(map[string]Model, len(models))
	for _, model := range models {
		m[model.ID] = model.WithDefaults()
	}
	return m
}

// Lookup finds a model by its Hugging Face id.
func Lookup(id string) (Model, bool) {
	m, ok := catalogue[id]
	return m, ok
}

// Names lists the catalogue in order.
func Names() []string { return slices.Sorted(maps.Keys(catalogue)) }
