package model

// The server's rules for how many requests run at once, from sglang-jax: ModelWorker
// (managers/tp_worker.py), get_max_running_reqests of the attention backends, and
// _compute_cell_size, profile_max_num_token and set_num_token_hybrid of
// model_executor (model_runner_kv_cache_mixin.py, model_runner.py).
const (
	// pageTableEntries are the pages of all running requests of one data parallel
	// rank, times four.
	pageTableEntries = 524288
	// The table of requests has room for 2048 to 4096 of them, or for as many as
	// --max-running-requests says.
	fewestSlots, mostSlots = 2048, 4096
	slotsPerFullRequest    = 512
	// lanes is the width of a TPU register: the values of a head are padded to a multiple
	// of it.
	lanes = 128
	// slidingShare is --swa-full-tokens-ratio's default: how many tokens a layer with a
	// sliding window keeps for each one of a layer that looks back to the beginning.
	slidingShare = 0.8

	gib = 1 << 30
)

// requests computes the plan's numbers about requests and the key-value cache.
func (p *Plan) requests(m Model) {
	context := p.settings.context(m)
	p.Context = context
	pages := pagesOf(context, p.settings.PageSize)
	p.RequestsCap = pageTableEntries / pages / 4 * p.DP

	held, known := p.settings.tokensOfARank(m, *p)
	p.CacheKnown = known
	if known {
		// The server rounds to pages and takes the user's limit for each rank.
		limited := held
		if p.settings.MaxTokens > 0 {
			limited = min(limited, p.settings.MaxTokens)
		}
		p.CacheTokens = alignDown(limited, p.settings.PageSize) * p.DP
		if m.SlidingLayers > 0 {
			p.CacheTokens = alignDown(slidingPool(m, p.CacheTokens), p.settings.PageSize*p.DP)
		}
		p.CacheRequests = p.CacheTokens / p.DP / p.settings.PageSize / pages * p.DP
	}

	if p.settings.MaxRequests > 0 {
		p.RequestsCap = min(p.RequestsCap, p.settings.MaxRequests)
	} else {
		slots := mostSlots
		if known {
			slots = min(max(held*slotsPerFullRequest/context, fewestSlots), mostSlots)
			slots = min(slots, p.CacheTokens/2)
		}
		p.RequestsCap = min(p.RequestsCap, slots)
	}
	p.RequestsCap = alignDown(p.RequestsCap, p.DP)

	p.Requests = p.RequestsCap
	if known {
		p.Requests = min(p.Requests, p.CacheRequests)
	}
}

// tokensOfARank returns the number of tokens whose keys and values fit beside the weights
// on the devices of one data parallel rank; false if the model's numbers are incomplete.
func (s Settings) tokensOfARank(m Model, p Plan) (int, bool) {
	bytes := s.bytesPerToken(m, p.AttentionTP())
	if bytes == 0 {
		return 0, false
	}
	return max(int(p.CacheGiBPerDevice*gib)/bytes, 1), true
}

// bytesPerToken returns the bytes of the key-value cache on each device, over all layers; 0
// if the model's numbers are incomplete. A device has its share of the key-value heads, and
// at least one: fewer heads than devices are replicated. Latents are on every device.
func (s Settings) bytesPerToken(m Model, attentionTP int) int {
	if m.Latent() {
		// Pages of latents are laid out in words of four bytes.
		packed := alignUp(s.PageSize, 4/s.cacheBytes())
		return (alignUp(m.KVLoraRank, lanes) + alignUp(m.QKRopeHeadDim, lanes)) * packed * s.cacheBytes() / s.PageSize * m.Layers
	}
	heads := (m.KVHeads + attentionTP - 1) / attentionTP
	return heads * alignUp(m.HeadSize, lanes) * 2 * m.Layers * s.cacheBytes()
}

// cacheBytes is the size of one value in the key-value cache.
func (s Settings) cacheBytes() int {
	switch s.CacheType {
	case "fp8_e4m3", "fp8_e5m2":
		return 1
	case "bf16":
		return 2
	}
	if s.Type == "float32" || s.Type == "float" {
		return 4
	}
	return 2
}

// slidingPool is how many tokens the layers without a window keep when the server
// divides the memory of tokens in all layers.
func slidingPool(m Model, tokens int) int {
	full := float64(m.Layers - m.SlidingLayers)
	return int(float64(tokens*m.Layers) / (slidingShare*float64(m.SlidingLayers) + full))
}

func pagesOf(tokens, page int) int { return max((tokens+page-1)/page, 1) }

func alignDown(n, unit int) int { return n - n%unit }

func alignUp(n, unit int) int { return (n + unit - 1) / unit * unit }
