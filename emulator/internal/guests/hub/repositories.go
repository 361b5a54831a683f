// Package hub emulates the Hugging Face Hub and its client huggingface_hub. It has the
// repositories of the program's catalogue in their real sizes; weights are sparse files.
package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Repository is a model on the Hub.
type Repository struct {
	ID      string
	GiB     int64 // of weights; 0 if it only has a tokenizer
	Gated   bool  // requires a token of an account that has accepted the license
	Adapter bool  // a LoRA adapter
	Copied  bool  // has a copy of the weights in the folder original

	// From config.json; 0 if nothing reads it.
	Heads                     int // attention heads
	Layers, KVHeads, HeadSize int // of the key-value cache
	LatentSize                int // for multi-head latent attention, instead of heads
	Context                   int // max_position_embeddings
}

// repositories are described by their model cards, configurations and indexes.
var repositories = []Repository{
	{ID: "Qwen/Qwen2.5-Coder-32B-Instruct", GiB: 61, Heads: 40, Layers: 64, KVHeads: 8, HeadSize: 128, Context: 32768},
	{ID: "Qwen/Qwen2.5-7B-Instruct", GiB: 14, Heads: 28, Layers: 28, KVHeads: 4, HeadSize: 128, Context: 32768},
	{ID: "Qwen/Qwen2.5-Coder-7B-Instruct", GiB: 14, Heads: 28, Layers: 28, KVHeads: 4, HeadSize: 128, Context: 32768},
	{ID: "Qwen/Qwen2.5-14B-Instruct", GiB: 28, Heads: 40, Layers: 48, KVHeads: 8, HeadSize: 128, Context: 32768},
	{ID: "Qwen/Qwen2.5-72B-Instruct", GiB: 135, Heads: 64, Layers: 80, KVHeads: 8, HeadSize: 128, Context: 32768},
	{ID: "Qwen/Qwen3-8B", GiB: 15, Heads: 32, Layers: 36, KVHeads: 8, HeadSize: 128, Context: 40960},
	{ID: "Qwen/Qwen3-14B", GiB: 28, Heads: 40, Layers: 40, KVHeads: 8, HeadSize: 128, Context: 40960},
	{ID: "Qwen/Qwen3-32B", GiB: 61, Heads: 64, Layers: 64, KVHeads: 8, HeadSize: 128, Context: 40960},
	{ID: "Qwen/Qwen3-30B-A3B", GiB: 57, Heads: 32, Layers: 48, KVHeads: 4, HeadSize: 128, Context: 40960},
	{ID: "Qwen/Qwen3-Coder-30B-A3B-Instruct", GiB: 57, Heads: 32, Layers: 48, KVHeads: 4, HeadSize: 128, Context: 262144},
	{ID: "Qwen/Qwen3-235B-A22B", GiB: 438, Heads: 64, Layers: 94, KVHeads: 4, HeadSize: 128, Context: 40960},
	{ID: "Qwen/Qwen3-Coder-480B-A35B-Instruct", GiB: 894, Heads: 96, Layers: 62, KVHeads: 8, HeadSize: 128, Context: 262144},
	{ID: "meta-llama/Llama-3.1-8B-Instruct", GiB: 15, Heads: 32, Layers: 32, KVHeads: 8, HeadSize: 128, Context: 131072, Gated: true, Copied: true},
	{ID: "meta-llama/Llama-3.3-70B-Instruct", GiB: 131, Heads: 64, Layers: 80, KVHeads: 8, HeadSize: 128, Context: 131072, Gated: true, Copied: true},
	{ID: "meta-llama/Llama-3.1-405B-Instruct", GiB: 756, Heads: 128, Layers: 126, KVHeads: 8, HeadSize: 128, Context: 131072, Gated: true, Copied: true},
	{ID: "google/gemma-2-27b-it", GiB: 51, Heads: 32, Layers: 46, KVHeads: 16, HeadSize: 128, Context: 8192, Gated: true},
	{ID: "deepseek-ai/DeepSeek-V3", GiB: 641, Heads: 128, Layers: 61, LatentSize: 576, Context: 163840},
	{ID: "deepseek-ai/DeepSeek-R1", GiB: 641, Heads: 128, Layers: 61, LatentSize: 576, Context: 163840},
	{ID: "zai-org/GLM-4.5-Air", GiB: 206, Heads: 96, Layers: 46, KVHeads: 8, HeadSize: 128, Context: 131072},
	{ID: "zai-org/GLM-4.5", GiB: 667, Heads: 96, Layers: 92, KVHeads: 8, HeadSize: 128, Context: 131072},
	{ID: "xai-org/grok-2", GiB: 502, Heads: 64, Layers: 64, KVHeads: 8, HeadSize: 128, Context: 131072},
	{ID: "MiniMaxAI/MiniMax-M2", GiB: 214, Heads: 48, Layers: 62, KVHeads: 8, HeadSize: 128, Context: 196608},
	{ID: "alvarobartt/grok-2-tokenizer"},
	// A draft model and an adapter of sglang-jax's recipes, with invented sizes.
	{ID: "AngelSlim/Qwen3-32B_eagle3", GiB: 1, Heads: 64},
	{ID: "nissenj/Qwen3-4B-lora-v2", GiB: 1, Adapter: true},
}

// Lookup returns a repository by its ID.
func Lookup(id string) (Repository, bool) {
	for _, r := range repositories {
		if r.ID == id {
			return r, true
		}
	}
	return Repository{}, false
}

// Commit returns the commit of a revision: the branch main, the tag previous, or a commit.
// It is empty if the revision does not exist.
func (r Repository) Commit(revision string) string {
	for _, name := range []string{"main", "previous"} {
		commit := sha1Hex(r.ID + " " + name)
		if revision == name || revision == commit {
			return commit
		}
	}
	return ""
}

func sha1Hex(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// File is a file of a snapshot.
type File struct {
	Name    string
	Size    int64
	Content []byte // nil for weights
	ETag    string // name of the blob in the cache
}

const (
	shardSize = 46 << 30 / 10 // 4.6 GiB, which is 4.9 GB
	header    = 36 << 10      // of a shard; the index does not count it
)

// ChatTemplate returns the chat template of a commit. The template of the tag previous does not
// support add_generation_prompt.
func (r Repository) ChatTemplate(commit string) string {
	const messages = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
	if commit == r.Commit("previous") {
		return messages
	}
	return messages + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
}

// Files returns the files of an existing commit. The commits differ in tokenizer and chat
// template, not in weights.
func (r Repository) Files(commit string) []File {
	files := []File{
		small(".gitattributes", "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"),
		small("README.md", "# "+r.ID+"\n\n"+commit+"\n"),
		small("tokenizer.json", document(map[string]any{"version": "1.0", "model": map[string]any{"type": "BPE", "of": r.ID + "@" + commit}})),
		small("tokenizer_config.json", document(map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": r.ChatTemplate(commit)})),
	}
	if r.GiB == 0 {
		return files
	}
	if r.Adapter {
		return append(files,
			small("adapter_config.json", document(map[string]any{"peft_type": "LORA", "r": 16, "lora_alpha": 16})),
			r.weights("adapter_model.safetensors", r.GiB<<30))
	}
	files = append(files,
		small("config.json", document(map[string]any{"_name_or_path": r.ID, "num_attention_heads": r.Heads, "torch_dtype": "bfloat16"})),
		small("generation_config.json", document(map[string]any{"do_sample": true})),
	)
	total := r.GiB << 30
	count := (total + shardSize - 1) / shardSize
	placed := map[string]string{}
	for i := range count {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, count)
		placed[fmt.Sprintf("model.layers.%d.weight", i)] = name
		files = append(files, r.weights(name, min(shardSize, total-i*shardSize)))
	}
	if r.Copied {
		files = append(files, r.weights("original/consolidated.00.pth", total))
	}
	return append(files, small("model.safetensors.index.json", document(map[string]any{
		"metadata": map[string]any{"total_size": total - count*header}, "weight_map": placed,
	})))
}

func (r Repository) weights(name string, size int64) File {
	sum := sha256.Sum256([]byte(r.ID + "/" + name))
	return File{Name: name, Size: size, ETag: hex.EncodeToString(sum[:])}
}

func small(name, content string) File {
	return File{Name: name, Size: int64(len(content)), Content: []byte(content), ETag: gitHash(content)}
}

// gitHash returns the hash of a git blob.
func gitHash(content string) string {
	return sha1Hex(fmt.Sprintf("blob %d\x00%s", len(content), content))
}

func document(v map[string]any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // impossible for strings and numbers
	}
	return strings.TrimSpace(string(text)) + "\n"
}
