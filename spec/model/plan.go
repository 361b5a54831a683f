package model

import (
	"fmt"
	"strconv"

	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/topology"
)

// weightsShare is the share of the server's HBM that the weights may take. With less than a
// tenth left for the key-value cache, a server would start but serve very few requests.
const weightsShare = 0.9

// Plan is how a model is spread over the devices of one slice.
type Plan struct {
	Devices int // JAX devices of the slice, over all hosts
	TP      int // --tp-size, which in sglang-jax is the number of all devices
	DP      int // data parallelism: one attention layer is spread over TP/DP devices
	EP      int // expert parallelism; 0 for a dense model

	// GiBPerDevice is the HBM of one device that the weights take, and CacheGiBPerDevice
	// the HBM that is left for the key-value cache.
	GiBPerDevice      float64
	CacheGiBPerDevice float64
	Context           int // tokens of the longest request
	// RequestsCap is the maximum number of requests that the server admits at once, however
	// short they are: its page table's limit, or --max-running-requests.
	RequestsCap int
	// CacheKnown is false if the model's layers and heads are not known. Otherwise the
	// key-value cache of one group holds CacheTokens, over all data parallel ranks, and
	// CacheRequests of full length.
	CacheKnown    bool
	CacheTokens   int
	CacheRequests int
	// Requests of full length that run at once, the smaller of the two limits; more wait.
	Requests int

	settings Settings
	flags    serverargs.List
}

// NewPlan picks the smallest data parallelism with which the attention heads divide
// evenly. No smaller one is possible, because the server does not pad attention heads.
// NewPlan also checks that the weights fit. The settings have been checked.
//
// sglang-jax asserts num_attention_heads % (tp/dp) == 0, and that tp is the number of
// devices: the tutorial's --tp 8 fails on 16 devices with "ValueError: Number of devices 16
// must equal the product of mesh_shape (1, 8)".
func NewPlan(m Model, t topology.Topology, s Settings) (Plan, error) {
	s = s.orDefaults()
	p, ok := spread(m, t, s)
	if !ok {
		return Plan{}, problem.Problem{
			Why:    fmt.Sprintf("%s needs attention tensor parallelism of exactly %d; topology %s has %d devices", m.ID, m.AttentionTP, t, t.Devices()),
			Remedy: "use " + fits(m, s),
		}
	}
	if !p.fits() {
		hbm := s.hbmPerDevice() * float64(p.shards(m))
		cache := ""
		if float64(m.WeightsGiB) < hbm {
			cache = ", of which a tenth is for the key-value cache"
		}
		return Plan{}, problem.Problem{
			Why:    fmt.Sprintf("%s needs %d GiB of HBM for its weights; topology %s leaves %.0f GiB%s", m.ID, m.WeightsGiB, t, hbm, cache),
			Remedy: "use " + fits(m, s),
		}
	}
	return p, nil
}

// spread divides a model over the devices; it returns false if no data parallelism makes
// that possible.
func spread(m Model, t topology.Topology, s Settings) (Plan, bool) {
	p := Plan{Devices: t.Devices(), TP: t.Devices(), settings: s, flags: m.Flags}
	for p.DP = 1; p.DP <= p.TP; p.DP++ {
		if p.TP%p.DP == 0 && m.Heads%p.AttentionTP() == 0 &&
			(m.AttentionTP == 0 || m.AttentionTP == p.AttentionTP()) {
			break
		}
	}
	if p.DP > p.TP {
		return Plan{}, false
	}
	if m.MoE() {
		p.EP = commonDivisor(p.TP, m.Experts)
	}
	p.GiBPerDevice = float64(m.WeightsGiB) / float64(p.shards(m))
	p.CacheGiBPerDevice = s.hbmPerDevice() - p.GiBPerDevice
	if p.fits() {
		p.requests(m)
	}
	return p, true
}

// Check returns why the server would reject the settings with this plan. The error is a
// problem.Problem.
func (p Plan) Check() error {
	if n := p.settings.MaxRequests; n > 0 && n < p.DP {
		// ValueError "max_running_requests (1) is less than dp_size (2)" of ModelWorker.
		return serverargs.Refused(MaxRequestsFlag, fmt.Sprintf("%d is less than the data parallelism of %d, and each data parallel rank needs at least one", n, p.DP),
			fmt.Sprintf("use at least %d", p.DP))
	}
	if p.CacheKnown && p.CacheTokens == 0 {
		// RuntimeError "Not enough memory" of init_memory_pool.
		return serverargs.Refused(PageSizeFlag, fmt.Sprintf("%d leaves no page for the key-value cache", p.settings.PageSize),
			fmt.Sprintf("use %d, and leave out %s", defaultPageSize, MaxTokensFlag))
	}
	return nil
}

// AttentionTP is the number of devices that share one attention layer.
func (p Plan) AttentionTP() int { return p.TP / p.DP }

// commonDivisor returns the largest number that divides both the devices and the experts:
// all devices for most models, 8 for the 8 experts of grok-2.
func commonDivisor(devices, experts int) int {
	for experts != 0 {
		devices, experts = experts, devices%experts
	}
	return devices
}

func (p Plan) fits() bool { return p.GiBPerDevice <= weightsShare*p.settings.hbmPerDevice() }

// shards is the number of devices over which one copy of the weights is spread: dense
// weights over the attention group only, experts over the whole mesh.
func (p Plan) shards(m Model) int {
	if m.MoE() {
		return p.TP
	}
	return p.AttentionTP()
}

// fits returns the smallest topology that holds a model.
func fits(m Model, s Settings) string {
	for _, t := range topology.Common {
		if p, ok := spread(m, t, s); ok && p.fits() {
			return t.String()
		}
	}
	return "a larger topology"
}

// Undivided returns the largest topology smaller than this plan's on which the model fits
// and runs on one host or without data parallelism; empty if there is none.
func (p Plan) Undivided(m Model) string {
	found := ""
	for _, t := range topology.Common {
		if q, ok := spread(m, t, p.settings); t.Devices() < p.Devices && ok && q.fits() && (t.Hosts() == 1 || q.DP == 1) {
			found = t.String()
		}
	}
	return found
}

// Arguments are the server arguments that follow from the plan. Names of flags are in full:
// argparse takes --tp as an abbreviation, but --dp and --ep are ambiguous.
func (p Plan) Arguments() serverargs.List {
	l := serverargs.List{}.With("--tp-size", strconv.Itoa(p.TP)).With("--dp-size", strconv.Itoa(p.DP))
	if p.EP > 0 {
		l = l.With("--ep-size", strconv.Itoa(p.EP)).With("--moe-backend", "epmoe")
	}
	return append(append(l, p.settings.Arguments()...), p.flags...)
}
