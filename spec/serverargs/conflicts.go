package serverargs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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
	return c.Err()
}

type conflicts struct {
	Refusals
	all List
}

// text returns a flag's value, or its default; empty if there is none.
func (c *conflicts) text(flag string) string {
	if value, ok := c.all.Value(flag); ok {
		return value
	}
	var text string
	standard := Lookup(flag).Default
	if json.Unmarshal([]byte(standard), &text) == nil {
		return text
	}
	return standard // a number
}

// number returns a flag's numeric value, or its default; false if there is none.
func (c *conflicts) number(flag string) (float64, bool) { return Float(c.text(flag)) }

func (c *conflicts) atLeast(least float64, flag string) {
	n, ok := c.number(flag)
	c.Refuse(ok && n < least, flag, fmt.Sprintf("%q is too small", c.text(flag)), fmt.Sprintf("use %v or more", least))
}

// values checks the values of single flags.
func (c *conflicts) values() {
	dtype := c.text("--kv-cache-dtype")
	c.Refuse(dtype != "auto" && dtype != "bf16", "--kv-cache-dtype",
		fmt.Sprintf("%q passes the server's parser and is then refused as unsupported", dtype), "use auto or bf16")
	c.Refuse(c.text("--tokenizer-backend") == "fastokens", "--tokenizer-backend",
		`"fastokens" needs a Python package that the image of sglang-jax's Dockerfile does not have`, "use huggingface")
	storage := c.text("--hicache-storage")
	c.Refuse(storage == "file", "--hicache-storage", `"file" passes the server's parser and is then refused as not supported yet`, "use disable or none")
	ratio, _ := c.number("--hicache-ratio")
	c.Refuse(storage != "file" && storage != "disable" && ratio <= 0, "--hicache-ratio",
		fmt.Sprintf("%q is not greater than 0", c.text("--hicache-ratio")), "use one such as 2.0")
	c.atLeast(0, "--ep-num-redundant-experts")
	c.atLeast(0, "--schedule-conservativeness")
	c.atLeast(1, "--model-layer-nums")
	if c.all.Has("--enable-expert-balance-debug") {
		c.atLeast(1, "--expert-balance-segment-counter")
	}
	levels := []string{"", "critical", "error", "warning", "info", "debug"}
	for _, flag := range []string{"--log-level", "--log-level-http"} {
		level := c.text(flag)
		c.Refuse(!slices.Contains(levels, level), flag,
			fmt.Sprintf("%q is not a level that both Python's logging and uvicorn know", level), fmt.Sprintf("use %s", strings.Join(levels[1:], ", ")))
	}
}

// files checks values that are JSON texts, which the server reads only after its start.
func (c *conflicts) files() {
	for _, flag := range []string{"--json-model-override-args", "--model-loader-extra-config", "--preferred-sampling-params", "--dtype-config"} {
		text := c.text(flag)
		// A file in the image, which is not known here.
		isFile := flag == "--dtype-config" && !strings.HasPrefix(text, "{")
		var object map[string]any
		c.Refuse(text != "" && !isFile && json.Unmarshal([]byte(text), &object) != nil, flag,
			fmt.Sprintf("%q is not a JSON object", text), `use one such as {"key": "value"}`)
	}
}

func (c *conflicts) recurrent() {
	const flag = "--enable-recurrent-extra-buffer"
	if !c.all.Has(flag) {
		return
	}
	page, _ := c.number("--page-size")
	interval, given := c.number("--recurrent-track-interval")
	c.Refuse(page <= 1, flag, "needs a --page-size above 1", "use 128")
	c.Refuse(given && (interval <= 0 || page > 0 && int(interval)%int(page) != 0), "--recurrent-track-interval",
		fmt.Sprintf("%v is not a multiple of --page-size %v", interval, page), "leave it out to use --chunked-prefill-size")
	for _, other := range []string{"--speculative-algorithm", "--enable-mixed-chunk"} {
		c.Refuse(c.all.Has(other), flag, fmt.Sprintf("cannot be combined with %s yet", other), "remove one of the two")
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
	// The server uses a set, so duplicates do not matter.
	isOther := func(module string) bool { return module != "all" }
	c.Refuse(slices.Contains(modules, "all") && slices.ContainsFunc(modules, isOther), "--lora-target-modules",
		`has "all" together with other values`, `use "all" without other values`)
	rank, _ := c.number("--max-lora-rank")
	switch {
	case static && (len(paths) > 0 || c.all.Has("--enable-lora")):
		c.Refuse(true, "--enable-static-lora", "cannot be combined with --lora-paths or --enable-lora", "remove --enable-static-lora, or the others")
	case len(paths) == 0 && (rank == 0 || len(modules) == 0):
		c.Add("", "", "LoRA without --lora-paths needs --max-lora-rank and --lora-target-modules", "add both")
	}
	c.Refuse(static && !c.all.Has("--lora-scaling"), "--enable-static-lora", "needs --lora-scaling", "add it")
	c.Refuse(static && perBatch != 1, "--enable-static-lora", "needs --max-loras-per-batch 1", "add it")
	loaded, ok := c.number("--max-loaded-loras")
	c.Refuse(ok && len(paths) > 0 && loaded < perBatch, "--max-loaded-loras", fmt.Sprintf("%v is less than --max-loras-per-batch %v", loaded, perBatch), "raise --max-loaded-loras")
}

func (c *conflicts) speculative() {
	const flag = "--speculative-algorithm"
	algorithm := strings.TrimSpace(c.text(flag))
	if algorithm == "" {
		return
	}
	steps, _ := c.number("--speculative-num-steps")
	topK, _ := c.number("--speculative-eagle-topk")
	tokens, _ := c.number("--speculative-num-draft-tokens")
	chain := topK == 1 && tokens == steps+1
	overlaps := algorithm == "DFLASH" || chain && (algorithm == "NEXTN" || algorithm == "EAGLE3" && c.text("--attention-backend") == "fa")
	c.Refuse(!overlaps && !c.all.Has("--disable-overlap-schedule"), flag,
		fmt.Sprintf("%s does not support the overlap schedule with these arguments: NEXTN, and EAGLE3 with --attention-backend fa, support it if "+
			"--speculative-eagle-topk is 1 and --speculative-num-draft-tokens is --speculative-num-steps plus 1", algorithm), "add --disable-overlap-schedule")
	if algorithm != "DFLASH" {
		return
	}
	for _, want := range []struct{ flag, value string }{
		{"--speculative-eagle-topk", "1"}, {"--speculative-num-steps", "1"}, {"--grammar-backend", "none"},
	} {
		c.Refuse(c.text(want.flag) != want.value, flag, fmt.Sprintf("DFLASH needs %s %s", want.flag, want.value), "add it")
	}
	c.Refuse(!c.all.Has(DraftFlag), flag, "DFLASH needs "+DraftFlag, "add it, with the diffusion draft")
	for _, other := range []string{"--enable-lora", "--enable-static-lora", "--lora-paths"} {
		c.Refuse(c.all.Has(other), flag, "DFLASH cannot be combined with "+other, "remove one of the two")
	}
}
