package model

import (
	"cmp"
	"fmt"
	"strconv"

	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/topology"
)

// Server arguments that change the plan.
const (
	PageSizeFlag    = "--page-size"
	ContextFlag     = "--context-length"
	ChunkFlag       = "--chunked-prefill-size"
	MemFractionFlag = "--mem-fraction-static"
	MaxRequestsFlag = "--max-running-requests"
	MaxTokensFlag   = "--max-total-tokens"
	CacheTypeFlag   = "--kv-cache-dtype"
	TypeFlag        = "--dtype"
	defaultChunk    = 4096 // of sglang-jax, in tokens
	defaultPageSize = 128
	defaultMemShare = 0.88
)

// Settings are the user's choices about memory and requests. Zero means the default, which
// each field names.
type Settings struct {
	// PageSize of the key-value cache in tokens; 128. With sglang-jax's own default of 1,
	// only four requests run at a context of 32k, and an assertion fails at 256k.
	PageSize    int
	Context     int     // tokens of the longest request; the model's own context
	Chunk       int     // tokens of a prefill chunk; 4096. -1 turns chunks off
	MemFraction float64 // share of a device's HBM for weights and key-value cache; 0.88
	MaxRequests int     // requests that run at once; as many as there are pages for
	Reach       int     // tokens that overridden positions reach, beyond the model's own context; 0: none
	MaxTokens   int     // tokens in the key-value cache of one data parallel rank; as many as fit
	CacheType   string  // type of values in the key-value cache; the same as Type
	Type        string  // type of weights and computation; as in config.json
}

func (s Settings) orDefaults() Settings {
	s.PageSize = cmp.Or(s.PageSize, defaultPageSize)
	s.Chunk = cmp.Or(s.Chunk, defaultChunk)
	s.MemFraction = cmp.Or(s.MemFraction, defaultMemShare)
	return s
}

// hbmPerDevice returns how much HBM of one device the server uses, in GiB: a share of the
// 96 GiB that sglang-jax documents for a device of v7x. The server computes it from what
// the runtime reports at start (memory_stats). XLA's own limit is reported as 94.75 GiB,
// with which the cache would be 2 % smaller. What the runtime reports on tpu7x has not been
// seen.
func (s Settings) hbmPerDevice() float64 { return topology.HBMPerDevice * s.MemFraction }

func (s Settings) context(m Model) int { return cmp.Or(s.Context, m.Context) }

// Check checks each flag for what the server would assert. The error is a problem.List.
func (s Settings) Check(m Model) error {
	var found serverargs.Refusals
	for _, n := range []struct {
		flag         string
		value        int
		unit, remedy string
	}{
		{PageSizeFlag, s.PageSize, "tokens", fmt.Sprintf("use %d", defaultPageSize)},
		{ContextFlag, s.Context, "tokens", fmt.Sprintf("leave it out to use the model's own %d", m.Context)},
		{MaxRequestsFlag, s.MaxRequests, "requests", "leave it out to admit as many as there are pages for"},
		{MaxTokensFlag, s.MaxTokens, "tokens", "leave it out to use as many as fit"},
	} {
		found.Refuse(n.value < 0, n.flag, fmt.Sprintf("%d is not a valid number of %s", n.value, n.unit), n.remedy)
	}
	found.Refuse(s.MemFraction != 0 && !(s.MemFraction > 0 && s.MemFraction < 1), MemFractionFlag, // NaN is not either
		fmt.Sprintf("%v is not between 0 and 1", s.MemFraction), fmt.Sprintf("use %v", defaultMemShare))
	if len(found.List) > 0 {
		return found.List
	}
	s = s.orDefaults()
	if reach := s.reach(m); s.Context > reach && reach > 0 {
		found.Refuse(true, ContextFlag, fmt.Sprintf("%d is more than the %d tokens that the positions of %s allow", s.Context, reach, m.ID), fmt.Sprintf(`use a smaller number, or scale the positions: %s {"rope_scaling": {"rope_type": "yarn", "factor": %d.0, "original_max_position_embeddings": %d}}`, OverridesFlag, (s.Context+reach-1)/reach, reach))
	}
	found.Refuse(s.Chunk > 0 && s.Chunk%s.PageSize != 0, ChunkFlag,
		fmt.Sprintf("%d is not a multiple of %s %d", s.Chunk, PageSizeFlag, s.PageSize), fmt.Sprintf("use %d", (s.Chunk/s.PageSize+1)*s.PageSize))
	found.Refuse(pageTableEntries/pagesOf(s.context(m), s.PageSize)/4 < 1, PageSizeFlag,
		fmt.Sprintf("%d leaves no room for a request with a context of %d tokens", s.PageSize, s.context(m)), fmt.Sprintf("use %d", defaultPageSize))
	return found.Err()
}

// Arguments are the server arguments that follow from the settings.
func (s Settings) Arguments() serverargs.List {
	s = s.orDefaults()
	return serverargs.List{}.
		With(PageSizeFlag, strconv.Itoa(s.PageSize)).
		With(MemFractionFlag, strconv.FormatFloat(s.MemFraction, 'f', -1, 64))
}
