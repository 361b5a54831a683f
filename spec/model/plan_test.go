package model

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/topology"
)

func parse(t *testing.T, name string) topology.Topology {
	t.Helper()
	parsed, err := topology.Parse(name)
	require.NoError(t, err)
	return parsed
}

func TestPlanOfEveryModelOn2x2x2(t *testing.T) {
	// Data and expert parallelism as sglang-jax's head check and expert count want them.
	want := map[string][2]int{
		"Qwen/Qwen2.5-Coder-32B-Instruct":     {2, 0},
		"Qwen/Qwen2.5-7B-Instruct":            {4, 0},
		"Qwen/Qwen2.5-Coder-7B-Instruct":      {4, 0},
		"Qwen/Qwen2.5-14B-Instruct":           {2, 0},
		"Qwen/Qwen2.5-72B-Instruct":           {1, 0},
		"Qwen/Qwen3-8B":                       {1, 0},
		"Qwen/Qwen3-14B":                      {2, 0},
		"Qwen/Qwen3-32B":                      {1, 0},
		"Qwen/Qwen3-30B-A3B":                  {1, 16},
		"Qwen/Qwen3-Coder-30B-A3B-Instruct":   {1, 16},
		"Qwen/Qwen3-235B-A22B":                {1, 16},
		"Qwen/Qwen3-Coder-480B-A35B-Instruct": {1, 16},
		"meta-llama/Llama-3.1-8B-Instruct":    {1, 0},
		"meta-llama/Llama-3.3-70B-Instruct":   {1, 0},
		"meta-llama/Llama-3.1-405B-Instruct":  {1, 0},
		"google/gemma-2-27b-it":               {1, 0},
		"deepseek-ai/DeepSeek-V3":             {2, 16},
		"deepseek-ai/DeepSeek-R1":             {2, 16},
		"zai-org/GLM-4.5-Air":                 {1, 16},
		"zai-org/GLM-4.5":                     {1, 16},
		"xai-org/grok-2":                      {1, 8},
		"MiniMaxAI/MiniMax-M2":                {1, 16},
	}
	for _, id := range Names() {
		m, ok := Lookup(id)
		require.True(t, ok)
		p, err := NewPlan(m, parse(t, "2x2x2"), Settings{})
		require.NoError(t, err, id)
		assert.Equal(t, 16, p.Devices, id)
		parallelism, listed := want[id]
		if assert.True(t, listed, "%s of the catalogue is not listed above, with its {data, expert} parallelism on 2x2x2", id) {
			assert.Equal(t, parallelism, [2]int{p.DP, p.EP}, id)
		}
	}
	assert.Len(t, want, len(Names()), "every model that is listed is in the catalogue")
}

func TestEveryPlanPassesTheServersHeadCheckOnEveryTopology(t *testing.T) {
	for _, name := range []string{"1x1x1", "2x2x1", "2x2x2", "2x2x4", "2x4x4", "4x4x4", "4x4x8"} {
		for _, id := range Names() {
			m, _ := Lookup(id)
			p, err := NewPlan(m, parse(t, name), Settings{})
			if err != nil {
				assert.Regexp(t, `; use \d+x\d+x\d+$`, err.Error(), "%s on %s", id, name)
				continue
			}
			assert.Zero(t, m.Heads%(p.Devices/p.DP), "%s on %s", id, name)
			assert.Zero(t, p.Devices%p.DP, "%s on %s", id, name)
			assert.Less(t, p.GiBPerDevice, 0.88*topology.HBMPerDevice, "%s on %s", id, name)
		}
	}
}

func TestModelsThatFitOneHost(t *testing.T) {
	for _, id := range Names() {
		m, _ := Lookup(id)
		_, err := NewPlan(m, parse(t, "2x2x1"), Settings{})
		if m.WeightsGiB > 600 {
			assert.ErrorContains(t, err, "leaves 676 GiB", id)
		} else {
			assert.NoError(t, err, id)
		}
	}
}

func TestTheErrorForATooLargeModelNamesATopologyThatFits(t *testing.T) {
	m, _ := Lookup("meta-llama/Llama-3.1-405B-Instruct")
	_, err := NewPlan(m, parse(t, "2x2x1"), Settings{})
	assert.EqualError(t, err, "meta-llama/Llama-3.1-405B-Instruct needs 756 GiB of HBM for its weights; topology 2x2x1 leaves 676 GiB; use 2x2x2")
}

func TestArgumentsUseFullFlagNames(t *testing.T) {
	m, _ := Lookup("Qwen/Qwen2.5-Coder-32B-Instruct")
	p, err := NewPlan(m, parse(t, "2x2x2"), Settings{})
	require.NoError(t, err)
	assert.Equal(t, "--tp-size 16 --dp-size 2 --page-size 128 --mem-fraction-static 0.88", strings.Join(p.Arguments().Words(), " "))

	m, _ = Lookup("xai-org/grok-2")
	p, err = NewPlan(m, parse(t, "2x2x2"), Settings{})
	require.NoError(t, err)
	assert.Equal(t, "--tp-size 16 --dp-size 1 --ep-size 8 --moe-backend epmoe --page-size 128 --mem-fraction-static 0.88 --tokenizer-path alvarobartt/grok-2-tokenizer",
		strings.Join(p.Arguments().Words(), " "))
}

func TestWeightsAndCacheShareADevice(t *testing.T) {
	m, _ := Lookup("Qwen/Qwen2.5-Coder-32B-Instruct")
	p, err := NewPlan(m, parse(t, "2x2x2"), Settings{MemFraction: 0.5})
	require.NoError(t, err)
	assert.InDelta(t, 61.0/8, p.GiBPerDevice, 0.01, "16 devices, two copies")
	assert.InDelta(t, 48-61.0/8, p.CacheGiBPerDevice, 0.01)

	_, err = NewPlan(m, parse(t, "1x1x1"), Settings{MemFraction: 0.3})
	assert.EqualError(t, err, "Qwen/Qwen2.5-Coder-32B-Instruct needs 61 GiB of HBM for its weights; topology 1x1x1 leaves 58 GiB; use 2x2x1")
}

func TestSettingsThatTheServerWouldAssertAreRefused(t *testing.T) {
	m, _ := Lookup("Qwen/Qwen3-Coder-30B-A3B-Instruct")
	for name, tc := range map[string]struct {
		settings Settings
		want     string
	}{
		"no request can run":  {Settings{PageSize: 1}, "--page-size 1 leaves no room for a request with a context of 262144 tokens; use 128"},
		"chunk beside a page": {Settings{Chunk: 1000}, "--chunked-prefill-size 1000 is not a multiple of --page-size 128; use 1024"},
		"too long a context":  {Settings{Context: 300000}, `--context-length 300000 is more than the 262144 tokens that the positions of Qwen/Qwen3-Coder-30B-A3B-Instruct allow; use a smaller number, or scale the positions: --json-model-override-args {"rope_scaling": {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 262144}}`},
		"negative numbers":    {Settings{PageSize: -1, Context: -1, MaxRequests: -1}, "--max-running-requests -1 is not a valid number of requests"},
		"no number":           {Settings{MemFraction: math.NaN()}, "--mem-fraction-static NaN is not between 0 and 1"},
		"a fraction above 1":  {Settings{MemFraction: 1.5}, "--mem-fraction-static 1.5 is not between 0 and 1; use 0.88"},
	} {
		t.Run(name, func(t *testing.T) { assert.ErrorContains(t, tc.settings.Check(m), tc.want) })
	}
	assert.NoError(t, Settings{Chunk: -1, PageSize: 64, Context: 262144, MemFraction: 0.9, MaxRequests: 8}.Check(m))
	assert.NoError(t, Settings{}.Check(m))
}
