package hub

// Configuration is the part of a model's config.json about its key-value cache and context.
type Configuration struct {
	Layers, KVHeads, HeadSize int
	LatentSize                int // for multi-head latent attention, instead of heads
	Context                   int // max_position_embeddings
}

// configurations are from the repositories' config.json.
var configurations = map[string]Configuration{
	"Qwen/Qwen2.5-Coder-32B-Instruct":     {64, 8, 128, 0, 32768},
	"Qwen/Qwen2.5-7B-Instruct":            {28, 4, 128, 0, 32768},
	"Qwen/Qwen2.5-Coder-7B-Instruct":      {28, 4, 128, 0, 32768},
	"Qwen/Qwen2.5-14B-Instruct":           {48, 8, 128, 0, 32768},
	"Qwen/Qwen2.5-72B-Instruct":           {80, 8, 128, 0, 32768},
	"Qwen/Qwen3-8B":                       {36, 8, 128, 0, 40960},
	"Qwen/Qwen3-14B":                      {40, 8, 128, 0, 40960},
	"Qwen/Qwen3-32B":                      {64, 8, 128, 0, 40960},
	"Qwen/Qwen3-30B-A3B":                  {48, 4, 128, 0, 40960},
	"Qwen/Qwen3-Coder-30B-A3B-Instruct":   {48, 4, 128, 0, 262144},
	"Qwen/Qwen3-235B-A22B":                {94, 4, 128, 0, 40960},
	"Qwen/Qwen3-Coder-480B-A35B-Instruct": {62, 8, 128, 0, 262144},
	"meta-llama/Llama-3.1-8B-Instruct":    {32, 8, 128, 0, 131072},
	"meta-llama/Llama-3.3-70B-Instruct":   {80, 8, 128, 0, 131072},
	"meta-llama/Llama-3.1-405B-Instruct":  {126, 8, 128, 0, 131072},
	"google/gemma-2-27b-it":               {46, 16, 128, 0, 8192},
	"deepseek-ai/DeepSeek-V3":             {61, 0, 0, 576, 163840},
	"deepseek-ai/DeepSeek-R1":             {61, 0, 0, 576, 163840},
	"zai-org/GLM-4.5-Air":                 {46, 8, 128, 0, 131072},
	"zai-org/GLM-4.5":                     {92, 8, 128, 0, 131072},
	"xai-org/grok-2":                      {64, 8, 128, 0, 131072},
	"MiniMaxAI/MiniMax-M2":                {62, 8, 128, 0, 196608},
}

// ConfigurationOf returns the configuration of a repository; zero if it is unknown.
func ConfigurationOf(id string) Configuration { return configurations[id] }
