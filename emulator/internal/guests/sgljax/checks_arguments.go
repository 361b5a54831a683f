package sgljax

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	declared "sglang-tpu/spec/serverargs"
)

// checkArguments implements the server's checks between parsing and the use of the chips, in
// its order and with its texts. Source: sgl_jax/srt/server_args.py (__post_init__,
// check_server_args, check_lora_server_args) and configs/model_config.py.
func checkArguments(a arguments) error {
	for _, check := range []func(arguments) error{
		notEmulated, recurrent, hierarchicalCache, experts, chunks, lora, speculative, overrides,
	} {
		if err := check(a); err != nil {
			return err
		}
	}
	return nil
}

func valueError(format string, values ...any) error {
	return fmt.Errorf("ValueError: "+format, values...)
}

func assertion(text string) error { return errors.New("AssertionError: " + text) }

// notEmulated rejects types of servers that are not emulated.
func notEmulated(a arguments) error {
	switch {
	case a.on("--multimodal"), a.on("--enable-single-process"), a.text("--pd-disaggregation") != "", a.text("--disaggregation-mode") != "null":
		return errors.New("NotImplementedError: the emulator has no multimodal, single-process or disaggregated server")
	}
	return nil
}

func recurrent(a arguments) error {
	if !a.on("--enable-recurrent-extra-buffer") {
		return nil
	}
	page, chunk, interval := a.number("--page-size", 1), a.number("--chunked-prefill-size", 4096), a.number("--recurrent-track-interval", 0)
	_, given := a["--recurrent-track-interval"]
	switch {
	case page <= 1:
		return valueError("--enable-recurrent-extra-buffer requires --page-size > 1 (recurrent radix caching uses page-boundary track slots); got page_size=%d.", page)
	case !given && chunk > 0 && chunk%page != 0:
		return valueError("--chunked-prefill-size (%d) must be a multiple of --page-size (%d) when --enable-recurrent-extra-buffer is set (the recurrent track interval defaults to it).", chunk, page)
	case given && interval <= 0:
		return valueError("--recurrent-track-interval must be > 0 when --enable-recurrent-extra-buffer is set; got %d.", interval)
	case given && interval%page != 0:
		return valueError("--recurrent-track-interval (%d) must be a multiple of --page-size (%d).", interval, page)
	case a.text("--speculative-algorithm") != "":
		return valueError("--enable-recurrent-extra-buffer does not support speculative decoding yet; got --speculative-algorithm=%s. Disable one of them.", a["--speculative-algorithm"])
	case a.on("--enable-mixed-chunk"):
		return valueError("--enable-recurrent-extra-buffer does not support mixed chunked prefill yet (the track snapshot is scoped to pure extend / pure decode forwards). Disable --enable-mixed-chunk.")
	}
	return nil
}

func hierarchicalCache(a arguments) error {
	switch storage, ratio := a.text("--hicache-storage"), a.decimal("--hicache-ratio"); {
	case storage == "file":
		return valueError("hicache_storage='file' (L3) is not supported yet")
	case storage != "disable" && ratio <= 0:
		return valueError("hicache_ratio must be positive, got %s", pythonFloat(ratio))
	}
	return nil
}

func experts(a arguments) error {
	switch {
	case a.number("--ep-num-redundant-experts", 0) < 0:
		return valueError("ep_num_redundant_experts must be non-negative")
	case a.on("--enable-expert-balance-debug") && a.number("--expert-balance-segment-counter", 100) <= 0:
		return valueError("expert_balance_segment_counter must be positive")
	}
	return nil
}

// chunks checks divisibility: chunks by pages, devices by hosts.
func chunks(a arguments) error {
	page, chunk := a.number("--page-size", 1), a.number("--chunked-prefill-size", 4096)
	switch nodes := a.number("--nnodes", 1); {
	case nodes == 0, chunk > 0 && page == 0:
		return errors.New("ZeroDivisionError: integer modulo by zero")
	case a.number("--tp-size", 1)%nodes != 0:
		return assertion("tp_size must be divisible by number of nodes")
	case chunk > 0 && chunk%page != 0:
		return assertion("chunked_prefill_size must be divisible by page_size")
	}
	return nil
}

func lora(a arguments) error {
	paths, static := a["--lora-paths"], a.on("--enable-static-lora")
	enabled := a.on("--enable-lora") || paths != ""
	if !enabled && !static {
		return nil
	}
	modules, perBatch := strings.Fields(a["--lora-target-modules"]), a.number("--max-loras-per-batch", 8)
	_, limited := a["--max-loaded-loras"]
	switch {
	case enabled && static:
		return assertion("True and True can not be enable at the same time")
	case perBatch <= 0:
		return assertion("max_loras_per_batch must be positive")
	case slices.Contains(modules, "all") && slices.ContainsFunc(modules, func(m string) bool { return m != "all" }):
		return assertion("If 'all' is specified in --lora-target-modules, it should be the only module specified.")
	case paths == "" && (a.number("--max-lora-rank", 0) == 0 || len(modules) == 0):
		return assertion("When no initial --lora-paths is provided, you need to specify both --max-lora-rank and --lora-target-modules for LoRA initialization.")
	case static && a["--lora-scaling"] == "":
		return assertion("lora_scaling is required when enable-static-lora is enabled")
	case static && perBatch != 1:
		return assertion("max-loras-per-batch is required to be 1 when enable-static-lora is enabled")
	case !static && paths != "" && limited && a.number("--max-loaded-loras", 0) < perBatch:
		return assertion("max_loaded_loras must be >= max_loras_per_batch")
	}
	return nil
}

func speculative(a arguments) error {
	algorithm := a.text("--speculative-algorithm")
	if algorithm == "" {
		return nil
	}
	steps, topK, tokens := a.number("--speculative-num-steps", 4), a.number("--speculative-eagle-topk", 5), a.number("--speculative-num-draft-tokens", 4)
	chain := topK == 1 && tokens == steps+1
	overlaps := algorithm == "DFLASH" || chain && (algorithm == "NEXTN" || algorithm == "EAGLE3" && a.text("--attention-backend") == "fa")
	if !overlaps && !a.on("--disable-overlap-schedule") {
		return valueError("Speculative overlap scheduler only supports DFLASH, EAGLE3+FA, or NEXTN with --speculative-eagle-topk=1 and " +
			"--speculative-num-draft-tokens == --speculative-num-steps + 1. Please pass --disable-overlap-schedule for other speculative configs.")
	}
	if algorithm != "DFLASH" {
		return nil
	}
	switch {
	case topK != 1:
		return valueError("DFLASH requires --speculative-eagle-topk=1 (linear chain, no tree).")
	case steps != 1:
		return valueError("DFLASH (minimal) requires --speculative-num-steps=1.")
	case a["--speculative-draft-model-path"] == "":
		return valueError("DFLASH requires --speculative-draft-model-path (the diffusion draft).")
	case a.on("--enable-lora"), a.on("--enable-static-lora"), a["--lora-paths"] != "":
		return valueError("DFLASH does not support LoRA.")
	case a["--grammar-backend"] != "none":
		return valueError("DFLASH does not support constrained decoding.")
	}
	return nil
}

func overrides(a arguments) error {
	var object map[string]any
	if json.Unmarshal([]byte(a.text("--json-model-override-args")), &object) != nil {
		return errors.New("json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)")
	}
	if layers, given := a["--model-layer-nums"]; given && a.number("--model-layer-nums", 1) <= 0 {
		return valueError("model_layer_nums must be positive, got %s", layers)
	}
	return nil
}

// text returns the value of a flag or its default.
func (a arguments) text(name string) string {
	if value, given := a[name]; given {
		return value
	}
	var text string
	// A default that is not a JSON string counts as empty.
	_ = json.Unmarshal([]byte(declared.Lookup(name).Default), &text)
	return text
}

// decimal returns the value of a flag or its default as a number.
func (a arguments) decimal(name string) float64 {
	text, given := a[name]
	if !given {
		text = declared.Lookup(name).Default
	}
	f, _ := declared.Float(text)
	return f
}

// pythonFloat formats a number like Python, with a decimal point.
func pythonFloat(f float64) string {
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".eEIN") {
		text += ".0"
	}
	return text
}

// on reports whether a switch is set.
func (a arguments) on(name string) bool { return a[name] == "true" }
