package model

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func planned(t *testing.T, id, topology string, s Settings) Plan {
	t.Helper()
	m, ok := Lookup(id)
	require.True(t, ok, id)
	p, err := NewPlan(m, parse(t, topology), s)
	require.NoError(t, err)
	return p
}

const (
	coder32B  = "Qwen/Qwen2.5-Coder-32B-Instruct"
	coder30B  = "Qwen/Qwen3-Coder-30B-A3B-Instruct"
	coder480B = "Qwen/Qwen3-Coder-480B-A35B-Instruct"
	llama405B = "meta-llama/Llama-3.1-405B-Instruct"
	deepSeekV = "deepseek-ai/DeepSeek-V3"
	gemma27B  = "google/gemma-2-27b-it"
)

// The numbers are worked out from the server's code by hand: 64 layers x 1 head x 128
// values x 2 (keys and values) x 2 bytes are 32 KiB a token, and so on.
func TestRequestsAtOnceOn2x2x2(t *testing.T) {
	for id, want := range map[string]struct{ cap, cache, requests int }{
		coder32B:                           {1024, 152, 152}, // two data parallel ranks, 76 requests of 32768 tokens in each
		llama405B:                          {128, 4, 4},
		coder480B:                          {64, 3, 3},
		coder30B:                           {64, 13, 13},
		deepSeekV:                          {204, 6, 6}, // a latent of 512 and 64, padded to 640 values
		gemma27B:                           {2048, 502, 502},
		"meta-llama/Llama-3.1-8B-Instruct": {128, 41, 41},
		"MiniMaxAI/MiniMax-M2":             {85, 12, 12}, // with FP8 weights of 214 GiB
	} {
		t.Run(id, func(t *testing.T) {
			p := planned(t, id, "2x2x2", Settings{})
			assert.Equal(t, want.cap, p.RequestsCap, "admitted")
			assert.Equal(t, want.cache, p.CacheRequests, "held by the key-value cache")
			assert.Equal(t, want.requests, p.Requests)
		})
	}
}

func TestTheCacheIsWhatTheWeightsLeaveOfADevice(t *testing.T) {
	p := planned(t, coder32B, "2x2x2", Settings{})
	left := (0.88*96 - 61.0/8) * (1 << 30) // bytes of a device, which has an eighth of a copy
	perToken := 64 * 1 * 128 * 2 * 2       // 8 key-value heads on 8 devices
	assert.Equal(t, int(left)/perToken/128*128*2, p.CacheTokens)

	assert.Equal(t, p.CacheTokens/2/32768*2, p.CacheRequests)
	wide := planned(t, coder32B, "2x2x1", Settings{})
	assert.InDelta(t, p.CacheTokens/2, wide.CacheTokens, 128, "one rank, on as many devices")
}

func TestSettingsChangeWhatRunsAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		id                   string
		settings             Settings
		cap, cache, requests int
	}{
		"sglang-jax's own page":         {coder32B, Settings{PageSize: 1}, 8, 152, 8},
		"a shorter context":             {coder32B, Settings{Context: 8192}, 4096, 614, 614},
		"a context that breaks a page":  {coder32B, Settings{Context: 8193}, 4032, 604, 604},
		"a context of one page":         {coder32B, Settings{Context: 128}, 4096, 39348, 4096},
		"a limit of the user's":         {coder32B, Settings{MaxRequests: 16}, 16, 152, 16},
		"an odd limit, two ranks":       {coder32B, Settings{MaxRequests: 17}, 16, 152, 16},
		"a limit above what is there":   {coder32B, Settings{MaxRequests: 2000}, 1024, 152, 152},
		"room for more short requests":  {gemma27B, Settings{Context: 128, MaxRequests: 9000}, 9000, 32171, 9000},
		"less memory":                   {coder32B, Settings{MemFraction: 0.5}, 1024, 80, 80},
		"tokens of the user's":          {coder32B, Settings{MaxTokens: 100000}, 1024, 6, 6},
		"more tokens than there is":     {coder32B, Settings{MaxTokens: 1 << 40}, 1024, 152, 152},
		"less than one request":         {coder32B, Settings{MaxTokens: 1000}, 896, 0, 0},
		"half as many bytes a value":    {coder32B, Settings{CacheType: "fp8_e5m2"}, 1024, 306, 306},
		"bf16 is what auto is":          {coder32B, Settings{CacheType: "bf16"}, 1024, 152, 152},
		"twice as many bytes a value":   {coder32B, Settings{Type: "float32"}, 1024, 76, 76},
		"but not in the cache":          {coder32B, Settings{Type: "float32", CacheType: "bf16"}, 1024, 152, 152},
		"latents of pages of one token": {deepSeekV, Settings{PageSize: 1, Context: 4096}, 64, 152, 64},
	} {
		t.Run(name, func(t *testing.T) {
			p := planned(t, tc.id, "2x2x2", tc.settings)
			assert.Equal(t, tc.cap, p.RequestsCap, "admitted")
			assert.Equal(t, tc.cache, p.CacheRequests, "held by the key-value cache")
			assert.Equal(t, tc.requests, p.Requests)
		})
	}
}

// Fewer key-value heads than devices are replicated, so that more devices do not hold
// more of a token's cache.
func TestKeyValueHeadsAreReplicated(t *testing.T) {
	m := Model{ID: "a/b", Heads: 64, KVHeads: 8, HeadSize: 80, Layers: 10, WeightsGiB: 1, Context: 1024}
	s := Settings{}.orDefaults()
	for devices, heads := range map[int]int{1: 8, 2: 4, 4: 2, 8: 1, 16: 1, 64: 1} {
		assert.Equal(t, heads*128*2*10*2, s.bytesPerToken(m, devices), "%d devices; 80 values take a register of 128", devices)
	}
}

func TestAModelWithoutLayersHasNoPlanForTheCache(t *testing.T) {
	p, err := NewPlan(Model{ID: "a/b", Heads: 32, WeightsGiB: 10, Context: 32768}, parse(t, "2x2x2"), Settings{})
	require.NoError(t, err)
	assert.False(t, p.CacheKnown)
	assert.Zero(t, p.CacheTokens)
	assert.Equal(t, 512, p.Requests, "only the limit of the page table")
}

func TestEveryModelOfTheCatalogueHasAPlanForTheCache(t *testing.T) {
	for _, id := range Names() {
		m, _ := Lookup(id)
		p := planned(t, id, fits(m, Settings{}.orDefaults()), Settings{})
		assert.True(t, p.CacheKnown, id)
		assert.Positive(t, p.CacheTokens, id)
		assert.GreaterOrEqual(t, m.RepositoryGiB, m.WeightsGiB, "%s: what is loaded is fetched", id)
		if !m.Latent() {
			assert.Zero(t, m.Heads%m.KVHeads, "%s: query heads share key-value heads evenly", id)
		}
	}
}

func TestTheDownloadCanBeLargerThanTheWeights(t *testing.T) {
	for id, want := range map[string][2]int{
		coder32B: {61, 61}, "deepseek-ai/DeepSeek-R1": {625, 641}, "MiniMaxAI/MiniMax-M2": {214, 214}, "zai-org/GLM-4.5": {661, 667},
	} {
		m, _ := Lookup(id)
		assert.Equal(t, want, [2]int{m.WeightsGiB, m.RepositoryGiB}, id)
	}
}

func TestAPlanRejectsWhatTheServerWouldReject(t *testing.T) {
	one := planned(t, coder32B, "2x2x2", Settings{MaxRequests: 1})
	assert.EqualError(t, one.Check(), "--max-running-requests 1 is less than the data parallelism of 2, and each data parallel rank needs at least one; use at least 2")
	assert.NoError(t, planned(t, coder32B, "2x2x1", Settings{MaxRequests: 1}).Check(), "one rank")
	assert.ErrorContains(t, planned(t, coder32B, "2x2x2", Settings{MaxTokens: 100}).Check(), "leaves no page for the key-value cache")
	assert.NoError(t, planned(t, coder32B, "2x2x2", Settings{MaxTokens: 128}).Check())
	assert.NoError(t, planned(t, coder32B, "2x2x2", Settings{}).Check())
}

func TestATopologyWithoutDataParallelismOverHostsIsNamed(t *testing.T) {
	for id, want := range map[string]string{
		coder32B: "2x2x1", "Qwen/Qwen2.5-7B-Instruct": "2x2x1", deepSeekV: "",
	} {
		m, _ := Lookup(id)
		assert.Equal(t, want, planned(t, id, "2x2x2", Settings{}).Undivided(m), id)
	}
	m, _ := Lookup("Qwen/Qwen3-8B")
	assert.Equal(t, "2x2x4", planned(t, "Qwen/Qwen3-8B", "4x4x4", Settings{}).Undivided(m), "32 heads on 32 devices")
}

func TestNumbersOfAPlanStayNumbers(t *testing.T) {
	p := planned(t, coder32B, "2x2x2", Settings{MaxTokens: math.MaxInt, MaxRequests: math.MaxInt})
	assert.Equal(t, 152, p.Requests)
	assert.Equal(t, 1024, p.RequestsCap)
}
