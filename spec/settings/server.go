package settings

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"sglang-tpu/spec/model"
	"sglang-tpu/spec/topology"
)

// CustomModel are the numbers of a model outside the catalogue, as its config.json and
// safetensors index have them.
type CustomModel struct {
	Heads         int  `json:"heads"`         // num_attention_heads
	WeightsGiB    int  `json:"weightsGiB"`    // as they lie in HBM
	RepositoryGiB int  `json:"repositoryGiB"` // what is fetched; 0: weightsGiB
	Context       int  `json:"context"`       // max_position_embeddings, in tokens
	Experts       int  `json:"experts"`       // routed experts of a mixture of experts; 0: dense
	Gated         bool `json:"gated"`         // Hugging Face wants a token
	// AttentionTensorParallelism that the kernels demand, in devices; 0: any.
	AttentionTensorParallelism int `json:"attentionTensorParallelism"`

	// What the key-value cache of a token takes. Layers with KVHeads and HeadSize, or with
	// KVLoraRank and QKRopeHeadDim for multi-head latent attention; all 0: the plan says
	// nothing of the cache.
	Layers        int `json:"layers"`        // num_hidden_layers
	KVHeads       int `json:"kvHeads"`       // num_key_value_heads
	HeadSize      int `json:"headSize"`      // head_dim
	KVLoraRank    int `json:"kvLoraRank"`    // kv_lora_rank
	QKRopeHeadDim int `json:"qkRopeHeadDim"` // qk_rope_head_dim
}

// server is what was said about the model server.
type server struct {
	id, topology string
	custom       CustomModel
	customRead   bool
	arguments    []string
}

const customKey = "sglang-tpu:customModel"

var modelID = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w.-]+$`)

// plan resolves model, topology and arguments, and derives the parallelism from them.
func (s server) plan(c *Config) error {
	var errs []error
	var err error
	known := false
	if c.Model, err = s.model(); err != nil {
		errs = append(errs, err)
	} else {
		known = s.id != ""
	}
	shaped := false
	if s.topology != "" {
		c.Topology, err = topology.Parse(s.topology)
		shaped = err == nil
		errs = append(errs, because("sglang-tpu:topology", err))
	}
	settings, readable, err := s.settings(c)
	if readable && known {
		wrong := settings.Check(c.Model)
		err, readable = errors.Join(err, wrong), wrong == nil
	}
	errs = append(errs, because(argumentsKey, err))
	if !known {
		return errors.Join(errs...)
	}
	if shaped && readable {
		c.Plan, err = model.NewPlan(c.Model, c.Topology, settings)
		errs = append(errs, because("sglang-tpu:model", err))
		if err == nil {
			errs = append(errs, because(argumentsKey, c.Plan.Check()))
		}
	}
	if c.Model.Gated && !c.HasHFToken && c.HFTokenSecret == "" {
		errs = append(errs, invalid("sglang-tpu:hfToken", "",
			"is empty, but "+s.id+" is a gated model on Hugging Face",
			"accept its licence there, then run: pulumi config set --secret hfToken hf_..."))
	}
	return errors.Join(append(errs, c.Cache.checkSize(s.id, c.Model.RepositoryGiB()))...)
}

// model is the catalogue's, or the one that customModel describes.
func (s server) model() (model.Model, error) {
	m, ok := model.Lookup(s.id)
	described := s.custom != CustomModel{}
	switch {
	case s.id == "" || !s.customRead:
		return m, nil // both have been complained about
	case ok && described:
		return m, invalid("sglang-tpu:customModel", "", "describes "+s.id+", whose numbers are in the catalogue", "remove it")
	case ok:
		return m, nil
	case !described:
		return m, invalid("sglang-tpu:model", s.id, "is not in the catalogue"+meant(s.id, model.Names()),
			"use one of "+list(model.Names())+", or give its numbers: pulumi config set --path sglang-tpu:customModel.heads N")
	}
	var errs []error
	if !modelID.MatchString(s.id) {
		errs = append(errs, invalid("sglang-tpu:model", s.id, "is not a Hugging Face id", "use OWNER/NAME"))
	}
	m, err := s.custom.model(s.id)
	return m, errors.Join(append(errs, err)...)
}

// model checks the numbers.
func (c CustomModel) model(id string) (model.Model, error) {
	var errs []error
	for _, n := range []struct {
		field      string
		value, min int
	}{
		{"heads", c.Heads, 1},
		{"weightsGiB", c.WeightsGiB, 1},
		{"repositoryGiB", c.RepositoryGiB, 0},
		{"context", c.Context, 1},
		{"experts", c.Experts, 0},
		{"attentionTensorParallelism", c.AttentionTensorParallelism, 0},
		{"layers", c.Layers, 0},
		{"kvHeads", c.KVHeads, 0},
		{"headSize", c.HeadSize, 0},
		{"kvLoraRank", c.KVLoraRank, 0},
		{"qkRopeHeadDim", c.QKRopeHeadDim, 0},
	} {
		if n.value < n.min {
			errs = append(errs, invalid(customKey+"."+n.field, strconv.Itoa(n.value),
				"is not a number that a model can have", fmt.Sprintf("use %d or more, as the model's config.json has it", n.min)))
		}
	}
	if 0 < c.RepositoryGiB && c.RepositoryGiB < c.WeightsGiB {
		errs = append(errs, invalid(customKey+".repositoryGiB", strconv.Itoa(c.RepositoryGiB),
			fmt.Sprintf("is less than the weights, which are %d GiB", c.WeightsGiB), "use the size of the repository's safetensors, or remove it"))
	}
	if missing := c.missing(); len(missing) > 0 && c.described() {
		errs = append(errs, invalid(customKey+"."+missing[0], "", "is missing, without which the key-value cache of a token has no size",
			"set "+list(missing)+" as config.json has them, or none of layers, kvHeads, headSize, kvLoraRank, qkRopeHeadDim"))
	}
	return model.Model{
		ID: id, Heads: c.Heads, KVHeads: c.KVHeads, HeadSize: c.HeadSize, Layers: c.Layers,
		Latent:     model.Latent{Rank: c.KVLoraRank, Rope: c.QKRopeHeadDim},
		WeightsGiB: c.WeightsGiB, DownloadGiB: c.RepositoryGiB, Context: c.Context,
		Experts: c.Experts, Gated: c.Gated, AttentionTP: c.AttentionTensorParallelism,
	}, errors.Join(errs...)
}

// described reports whether anything is said of the key-value cache.
func (c CustomModel) described() bool {
	return c.Layers != 0 || c.KVHeads != 0 || c.HeadSize != 0 || c.KVLoraRank != 0 || c.QKRopeHeadDim != 0
}

// missing are the fields without which the size of the key-value cache is not known.
func (c CustomModel) missing() []string {
	type number struct {
		field string
		value int
	}
	needed := []number{{"layers", c.Layers}, {"kvHeads", c.KVHeads}, {"headSize", c.HeadSize}}
	if c.KVLoraRank != 0 || c.QKRopeHeadDim != 0 {
		needed = []number{{"layers", c.Layers}, {"kvLoraRank", c.KVLoraRank}, {"qkRopeHeadDim", c.QKRopeHeadDim}}
	}
	var missing []string
	for _, n := range needed {
		if n.value == 0 {
			missing = append(missing, n.field)
		}
	}
	return missing
}

// warn says what works, and may surprise.
func (s server) warn(c *Config) []string {
	if c.Replicas == 0 {
		return nil // nothing runs
	}
	var warnings []string
	if hosts := c.Topology.Hosts(); hosts > 1 && c.Plan.DP > 1 {
		// sglang-jax issue 1400: the scheduler reads log probabilities with jax.device_get,
		// which fails on an array that other hosts hold parts of; pull request 1410 is open.
		verb, remedy := "may end", ""
		if anotherServer(c.Image) == "" {
			verb = "ends"
		}
		if name := c.Plan.Undivided(c.Model); name != "" {
			remedy = "; topology " + name + " needs no data parallelism over hosts"
		}
		warnings = append(warnings, fmt.Sprintf(
			"config sglang-tpu:topology: %s runs %s with a data parallelism of %d over %d hosts, where any request with logprobs %s the scheduler, and with it the group (sglang-jax issue 1400)%s",
			c.Topology, c.Model.ID, c.Plan.DP, hosts, verb, remedy))
	}
	switch {
	case !c.Plan.CacheKnown:
		warnings = append(warnings, fmt.Sprintf(
			"config %s: says nothing of %s, so the plan's requestsAtOnce is the page table's limit alone, and the key-value cache may hold fewer; set them as config.json has them, such as: pulumi config set --path %s.layers N",
			customKey, list(s.custom.missing()), customKey))
	case c.Plan.CacheRequests == 0:
		warnings = append(warnings, fmt.Sprintf(
			"config sglang-tpu:topology: %s leaves room for %d tokens in the key-value cache of %s, less than one request of full length (%d tokens), and longer requests are refused; use a larger topology, or a smaller %s",
			c.Topology, c.Plan.CacheTokens/c.Plan.DP, c.Model.ID, c.Plan.Context, model.ContextFlag))
	}
	return warnings
}
