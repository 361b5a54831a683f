package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"sglang-tpu/infra/model"
	"sglang-tpu/infra/topology"
)

// CustomModel are the numbers of a model outside the catalogue, as its config.json and
// safetensors index have them.
type CustomModel struct {
	Heads      int  `json:"heads"`      // num_attention_heads
	WeightsGiB int  `json:"weightsGiB"` // as they lie in HBM
	Context    int  `json:"context"`    // max_position_embeddings, in tokens
	Experts    int  `json:"experts"`    // routed experts of a mixture of experts; 0: dense
	Gated      bool `json:"gated"`      // Hugging Face wants a token
	// AttentionTensorParallelism that the kernels demand, in devices; 0: any.
	AttentionTensorParallelism int `json:"attentionTensorParallelism"`
}

// server is what was said about the model server.
type server struct {
	id, topology string
	custom       CustomModel
	customRead   bool
	arguments    []string
}

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
		errs = append(errs, because("sglang-tpu:model", err), because(argumentsKey, checkRequests(settings, c.Plan)))
	}
	if c.Model.Gated && !c.HasHFToken && c.HFTokenSecret == "" {
		errs = append(errs, invalid("sglang-tpu:hfToken", "",
			"is empty, but "+s.id+" is a gated model on Hugging Face",
			"accept its licence there, then run: pulumi config set --secret hfToken hf_..."))
	}
	return errors.Join(append(errs, c.Cache.checkSize(s.id, c.Model.WeightsGiB))...)
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
	for _, n := range []struct {
		field      string
		value, min int
	}{
		{"heads", s.custom.Heads, 1},
		{"weightsGiB", s.custom.WeightsGiB, 1},
		{"context", s.custom.Context, 1},
		{"experts", s.custom.Experts, 0},
		{"attentionTensorParallelism", s.custom.AttentionTensorParallelism, 0},
	} {
		if n.value < n.min {
			errs = append(errs, invalid("sglang-tpu:customModel."+n.field, strconv.Itoa(n.value),
				"is not a number that a model can have", fmt.Sprintf("use %d or more, as the model's config.json has it", n.min)))
		}
	}
	return model.Model{
		ID: s.id, Heads: s.custom.Heads, WeightsGiB: s.custom.WeightsGiB, Context: s.custom.Context,
		Experts: s.custom.Experts, Gated: s.custom.Gated, AttentionTP: s.custom.AttentionTensorParallelism,
	}, errors.Join(errs...)
}
