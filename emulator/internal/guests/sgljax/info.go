package sgljax

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sglang-tpu/emulator/internal/guests/hub"
)

func (s *server) name() string {
	return cmp.Or(s.args["--served-model-name"], s.args["--model-path"])
}

// model returns the model's repository; empty if it is unknown.
func (s *server) model() hub.Repository {
	r, _ := hub.Lookup(s.args["--model-path"])
	return r
}

// context returns the context length in tokens; 0 if it is unknown.
func (s *server) context() int {
	return s.args.number("--context-length", s.model().Context)
}

func (s *server) card() map[string]any {
	var context any
	if n := s.context(); n > 0 {
		context = n
	}
	return map[string]any{"id": s.name(), "object": "model", "created": now(), "owned_by": "sglang", "root": s.name(), "max_model_len": context}
}

func (s *server) getModels(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{"object": "list", "data": []any{s.card()}})
}

func (s *server) getModel(w http.ResponseWriter, id string) {
	if id != s.name() {
		write(w, http.StatusNotFound, map[string]any{"error": map[string]string{
			"message": fmt.Sprintf("The model '%s' does not exist", id), "type": "invalid_request_error", "param": "model", "code": "model_not_found",
		}})
		return
	}
	write(w, http.StatusOK, s.card())
}

func (s *server) getModelInfo(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{
		"model_path": s.args["--model-path"], "tokenizer_path": s.args.tokenizer(), "is_generation": true, "preferred_sampling_params": nil,
	})
}

// getServerInfo returns the server's arguments and the scheduler's state. There is only one
// state, because one scheduler serves all ranks of data parallelism (get_internal_state in
// managers/tokenizer_manager.py and scheduler.py).
func (s *server) getServerInfo(w http.ResponseWriter, r *http.Request) {
	s.asked.Store(true)
	if s.dead.Load() {
		<-r.Context().Done() // the server waits for the scheduler forever
		return
	}
	info := map[string]any{}
	for flag, value := range s.args {
		name := strings.ReplaceAll(strings.TrimLeft(flag, "-"), "-", "_")
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			info[name] = number
		} else if value == "true" {
			info[name] = true
		} else {
			info[name] = value
		}
	}
	info["tokenizer_path"], info["served_model_name"] = s.args.tokenizer(), s.name()
	capacity := s.tokenCapacity()
	info["max_total_num_tokens"], info["max_req_input_len"] = capacity, max(0, s.context()-5)
	info["version"] = "0.0.0.dev0"
	info["internal_states"] = []any{s.state(capacity)}
	write(w, http.StatusOK, info)
}

// state implements get_internal_state in managers/scheduler.py.
func (s *server) state(capacity int) map[string]any {
	dp := max(1, s.args.number("--dp-size", 1))
	each := slices.Repeat([]int{capacity / dp}, dp)
	// Requests that exceed the batch size wait.
	admitted := int(s.running.Load())
	running := min(admitted, s.batch())
	pool := s.requestSlots(capacity)
	waiting := admitted - running
	return map[string]any{
		"device": "tpu", "chunked_prefill_size": s.args.number("--chunked-prefill-size", 4096), "disable_radix_cache": s.args["--disable-radix-cache"] != "",
		"speculative_algorithm": nil, "speculative_accept_threshold_single": 1.0, "speculative_accept_threshold_acc": 1.0,
		"enable_deterministic_sampling": false, "pd_disaggregation": nil,
		"last_gen_throughput": s.speed.Load(),
		"memory_usage":        map[string]any{"kvcache": s.cacheGiB(capacity), "token_capacity": capacity},
		"engine_paused":       false,
		"waiting_queue_size":  waiting, "pending_dp_reqs_size": 0, "running_batch_size": running, "prefill_decode_size": admitted,
		"waiting_queue_rids": []string{}, "running_batch_rids": []string{},
		"cur_batch_is_none": running == 0, "last_batch_is_none": running == 0, "chunked_req_is_none": true, "chunked_req_rids": make([]any, dp),
		"tree_cache_size":         0,
		"req_to_token_pool_total": pool, "req_to_token_pool_available": pool - running, "req_to_token_pool_used": running,
		// The first value is only rank 0's: available_size takes a rank that defaults to 0.
		"available_kv_tokens": each[0], "available_kv_tokens_per_dp": each,
		"num_generated_tokens": s.generated.Load(), "forward_ct_decode": s.generated.Load(),
		"new_token_ratio": 0.7, "init_new_token_ratio": 0.7,
		"disagg_prefill_queue_size": 0, "disagg_prealloc_queue_size": 0, "disagg_transfer_queue_size": 0,
	}
}

// batch returns the number of requests that run concurrently: max_running_requests, limited by
// the page table of the attention backend (managers/tp_worker.py, get_max_running_reqests).
func (s *server) batch() int {
	dp, page := max(1, s.args.number("--dp-size", 1)), max(1, s.args.number("--page-size", 1))
	pages := max(1, (s.context()+page-1)/page)
	return min(s.args.number("--max-running-requests", math.MaxInt), 524288/pages/4*dp)
}

// requestSlots returns the size of the request table (_resolve_max_num_reqs in
// model_executor/model_runner_kv_cache_mixin.py).
func (s *server) requestSlots(capacity int) int {
	return s.args.number("--max-running-requests", min(max(capacity*512/max(1, s.context()), 2048), 4096))
}

// hbmGiB is the memory of a device: half of a tpu7x chip's 192 GiB.
const hbmGiB = 96

// tokenCapacity returns the number of tokens in the key-value caches of all ranks of data
// parallelism. The caches use what the weights leave of the static fraction of HBM.
func (s *server) tokenCapacity() int {
	dp := max(1, s.args.number("--dp-size", 1))
	perToken := s.bytesPerToken()
	if perToken == 0 {
		return 0
	}
	fraction, err := strconv.ParseFloat(s.args["--mem-fraction-static"], 64)
	if err != nil {
		fraction = 0.88
	}
	free := fraction*hbmGiB - float64(s.model().GiB)*float64(dp)/float64(max(1, s.devices))
	page := max(1, s.args.number("--page-size", 1))
	tokens := int(free * (1 << 30) / float64(perToken))
	return max(0, tokens/page*page*dp)
}

// bytesPerToken returns the size of a token in the cache of one device: keys and values in
// bfloat16. Heads are split over the ranks of tensor parallelism, and replicated if there are
// fewer heads than ranks.
func (s *server) bytesPerToken() int {
	c := s.model()
	tp := max(1, s.args.number("--tp-size", 1)/max(1, s.args.number("--dp-size", 1)))
	if c.LatentSize > 0 {
		return c.Layers * c.LatentSize * 2
	}
	return c.Layers * ((c.KVHeads + tp - 1) / tp) * c.HeadSize * 2 * 2
}

func (s *server) cacheGiB(tokens int) float64 {
	return float64(tokens*s.bytesPerToken()/(1<<20)) / 1024
}

// getLoad fails at this commit: it reads "load" from the scheduler's state, which does not have
// it (get_load in managers/tokenizer_manager.py).
func (s *server) getLoad(w http.ResponseWriter, _ *http.Request) {
	say("Exception in ASGI application\nTraceback (most recent call last):\nKeyError: 'load'")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte("Internal Server Error"))
}

// getMetrics exports the only metric of disaggregation/common/metrics.py that has a value: the
// one without labels.
func getMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte("# HELP pd_bootstrap_registry_size Multiprocess metric\n# TYPE pd_bootstrap_registry_size gauge\npd_bootstrap_registry_size 0.0\n"))
}
