package serverargs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sglang-tpu/spec/problem"
)

// Conflicts checks what the server rejects after parsing: combinations of arguments that
// are each valid. The list contains all of the server's arguments, and their values have
// been checked. The error is a problem.List.
//
// Source: sgl_jax/srt/server_args.py (__post_init__, check_server_args,
// check_lora_server_args), model_runner_kv_cache_mixin.py, model_config.py, scheduler.py.
func Conflicts(all List) error {
	c := &conflicts{all: all}
	c.values()
	c.files()
	c.recurrent()
	c.lora()
	c.speculative()
	return c.refused.Err()
}

type conflicts struct {
	all     List
	refused problem.List
}

func (c *conflicts) refuse(flag, why, remedy string) {
	c.refused = append(c.refused, Refused(flag, why, remedy))
}

// text returns a flag's value, or its default; empty if there is none.
func (c *conflicts) text(flag string) string {
	if value, ok := c.all.Value(flag); ok {
		return value
	}
	var text string
	if json.Unmarshal([]byte(Lookup(flag).Default), &text) == nil {
		return text
	}
	if standard := Lookup(flag).Default; standard != "null" {
		return standard
	}
	return ""
}

// number returns a flag's numeric value, or its default; false if there is none.
func (c *conflicts) number(flag string) (float64, bool) { return Float(c.text(flag)) }

func (c *conflicts) atLeast(least float64, flag string) {
	if n, ok := c.number(flag); ok && n < least {
		c.refuse(flag, fmt.Sprintf("%q is too small", c.text(flag)), fmt.Sprintf("use %v or more", least))
	}
}

// values checks the values of single flags.
func (c *conflicts) values() {
	if dtype := c.text("--kv-cache-dtype"); dtype != "auto" && dtype != "bf16" {
		c.refuse("--kv-cache-dtype", fmt.Sprintf("%q passes the server's parser and is then refused as unsupported", dtype), "use auto or bf16")
	}
	if c.text("--tokenizer-backend") == "fastokens" {
		c.refuse("--tokenizer-backend", `"fastokens" needs a Python package that the image of sglang-jax's Dockerfile does not have`, "use huggingface")
	}
	if storage := c.text("--hicache-storage"); storage == "file" {
		c.refuse("--hicache-storage", `"file" passes the server's parser and is then refused as not supported yet`, "use disable or none")
	} else if ratio, _ := c.number("--hicache-ratio"); storage != "disable" && ratio <= 0 {
		c.refuse("--hicache-ratio", fmt.Sprintf("%q is not greater than 0", c.text("--hicache-ratio")), "use one such as 2.0")
	}
	c.atLeast(0, "--ep-num-redundant-experts")
	c.atLeast(0, "--schedule-conservativeness")
	c.atLeast(1, "--model-layer-nums")
	if c.all.Has("--enable-expert-balance-debug") {
		c.atLeast(1, "--expert-balance-segment-counter")
	}
	levels := []string{"critical", "error", "warning", "info", "debug"}
	for _, flag := range []string{"--log-level", "--log-level-http"} {
		if level := c.text(flag); level != "" && !slices.Contains(levels, level) {
			c.refuse(flag, fmt.Sprintf("%q is not a level that both Python's logging and uvicorn know", level), fmt.Sprintf("use %s", strings.Join(levels, ", ")))
		}
	}
}

// files checks values that are JSON texts, which the server reads only after its start.
func (c *conflicts) files() {
	for _, flag := range []string{"--json-model-override-args", "--model-loader-extra-config", "--preferred-sampling-params", "--dtype-config"} {
		text := c.text(flag)
		var object map[string]any
		switch {
		case text == "":
		case flag == "--dtype-config" && !strings.HasPrefix(text, "{"):
			// A file in the image, which is not known here.
		case json.Unmarshal([]byte(text), &object) != nil:
			c.refuse(flag, fmt.Sprintf("%q is not a JSON object", text), `use one such as {"key": "value"}`)
		}
	}
}

func (c *conflicts) recurrent() {
	const flag = "--enable-recurrent-extra-buffer"
	if !c.all.Has(flag) {
		return
	}
	page, _ := c.number("--page-size")
	interval, given := c.number("--recurrent-track-interval")
	if page <= 1 {
		c.refuse(flag, "needs a --page-size above 1", "use 128")
	}
	if given && (interval <= 0 || page > 0 && int(interval)%int(page) != 0) {
		c.refuse("--recurrent-track-interval", fmt.Sprintf("%v is not a multiple of --page-size %v", interval, page), "leave it out to use --chunked-prefill-size")
	}
	for _, other := range []string{"--speculative-algorithm", "--enable-mixed-chunk"} {
		if c.all.Has(other) {
			c.refuse(flag, fmt.Sprintf("cannot be combined with %s yet", other), "remove one of the two")
		}
	}
}

func (c *conflicts) lora() {
	paths, static := c.all.Values("--lora-paths"), c.all.Has("--enable-static-lora")
	if len(paths) == 0 && !static && !c.all.Has("--enable-lora") {
		return
	}
	perBatch, _ := c.number("--max-loras-per-batch")
	c.atLeast(1, "--max-loras-per-batch")
	modules := c.all.Values("--lora-target-modules")
	if slices.Contains(modules, "all") && !onlyAll(modules) {
		c.refuse("--lora-target-modules", `has "all" together with other values`, "use all alone")
	}
	rank, _ := c.number("--max-lora-rank")
	switch {
	case static && (len(paths) > 0 || c.all.Has("--enable-lora")):
		c.refuse("--enable-static-lora", "cannot be combined with --lora-paths or --enable-lora", "remove it or them")
	case len(paths) == 0 && (rank == 0 || len(modules) == 0):
		c.refused.Add("", "", "LoRA without --lora-paths needs --max-lora-rank and --lora-target-modules", "add both")
	}
	if static && !c.all.Has("--lora-scaling") {
		c.refuse("--enable-static-lora", "needs --lora-scaling", "add it")
	}
	if static && perBatch != 1 {
		c.refuse("--enable-static-lora", "needs --max-loras-per-batch 1", "add it")
	}
	if loaded, ok := c.number("--max-loaded-loras"); ok && len(paths) > 0 && loaded < perBatch {
		c.refuse("--max-loaded-loras", fmt.Sprintf("%v is less than --max-loras-per-batch %v", loaded, perBatch), "raise it")
	}
}

// onlyAll ignores duplicates, like the server, which uses a set.
func onlyAll(modules []string) bool {
	return !slices.ContainsFunc(modules, func(m string) bool { return m != "all" })
}

func (c *conflicts) speculative() {
	algorithm := strings.TrimSpace(c.text("--speculative-algorithm"))
	if algorithm == "" {
		return
	}
	steps, _ := c.number("--speculative-num-steps")
	topK, _ := c.number("--speculative-eagle-topk")
	tokens, _ := c.number("--speculative-num-draft-tokens")
	chain := topK == 1 && tokens == steps+1
	overlaps := algorithm == "DFLASH" || chain && (algorithm == "NEXTN" || algorithm == "EAGLE3" && c.text("--attention-backend") == "fa")
	if !overlaps && !c.all.Has("--disable-overlap-schedule") {
		c.refuse("--speculative-algorithm", fmt.Sprintf("%s supports the overlap schedule only with --speculative-eagle-topk 1 and --speculative-num-draft-tokens one more than "+
			"--speculative-num-steps (NEXTN, and EAGLE3 with --attention-backend fa)", algorithm), "add --disable-overlap-schedule")
	}
	if algorithm != "DFLASH" {
		return
	}
	for _, want := range []struct{ flag, value string }{
		{"--speculative-eagle-topk", "1"}, {"--speculative-num-steps", "1"}, {"--grammar-backend", "none"},
	} {
		if c.text(want.flag) != want.value {
			c.refuse("--speculative-algorithm", fmt.Sprintf("DFLASH needs %s %s", want.flag, want.value), "add it")
		}
	}
	if !c.all.Has("--speculative-draft-model-path") {
		c.refuse("--speculative-algorithm", "DFLASH needs --speculative-draft-model-path", "add it, with the diffusion draft")
	}
	for _, flag := range []string{"--enable-lora", "--enable-static-lora", "--lora-paths"} {
		if c.all.Has(flag) {
			c.refuse("--speculative-algorithm", fmt.Sprintf("DFLASH cannot be combined with %s", flag), "remove one of the two")
		}
	}
}
