// Package monitoring defines the endpoint's metrics, how they are read from the server, the
// alerts, and the dashboard.
//
// # Where the numbers come from
//
// At the pinned commit, sglang-jax exports no useful metrics with --enable-metrics. Its
// state is in the response of GET /get_server_info, under internal_states, with one entry
// for all data parallel ranks (get_internal_state in managers/tokenizer_manager.py and
// scheduler.py). json_exporter of prometheus-community turns that into metrics. It does no
// arithmetic, so sums are computed in PromQL.
//
// Some fields do not mean what their names suggest:
//
//   - num_generated_tokens goes back to 0 every few decode steps (log_decode_stats), so it is
//     no counter. Tokens per second are last_gen_throughput, which keeps its last value on
//     an idle server, and so counts only while requests run.
//   - available_kv_tokens is rank 0's alone; available_kv_tokens_per_dp has all ranks.
//   - tree_cache_size is the whole prefix cache. SGLang's token_usage needs the evictable part
//     of it, which the state does not have, so there is no such metric here.
//   - A KV pool without free tokens is normal: finished requests stay as prefix cache until
//     the space is needed. The pool is full only if requests also wait.
//
// The metric `up`, which Prometheus itself writes, says whether a group answers:
// /get_server_info waits for the scheduler, so a server whose scheduler is dead counts as
// down although its port is open.
//
// Chips, restarts and slices come from GKE's system metrics, which cost nothing and are
// always on (https://docs.cloud.google.com/monitoring/api/metrics_kubernetes). PromQL
// writes kubernetes.io/container/uptime as kubernetes_io:container_uptime
// (https://docs.cloud.google.com/monitoring/promql/promql-mapping).
package monitoring

import (
	"encoding/json"
	"fmt"
)

// Names of the exported metrics; the first three and GenThroughput are SGLang's own.
const (
	QueueRequests   = "sglang:num_queue_reqs"
	RunningRequests = "sglang:num_running_reqs"
	TotalTokens     = "sglang:max_total_num_tokens"
	GenThroughput   = "sglang:gen_throughput"
	PendingRequests = "sglang:num_pending_dp_reqs"
	FreeTokens      = "sglang:kv_available_tokens"
	CachedTokens    = "sglang:kv_cached_tokens"
)

// InfoPath is the path at which the server reports its state.
const InfoPath = "/get_server_info"

// metric is one entry of json_exporter's configuration.
type metric struct {
	Name      string            `json:"name"`
	Help      string            `json:"help"`
	Path      string            `json:"path"` // JSONPath of kubectl's kind
	ValueType string            `json:"valuetype"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// metrics returns the metrics of a server with dp data parallel ranks.
func metrics(dp int) []metric {
	gauge := func(name, field, help string) metric {
		return metric{Name: name, Help: help, Path: "{.internal_states[0]." + field + "}", ValueType: "gauge"}
	}
	all := []metric{
		gauge(QueueRequests, "waiting_queue_size", "Requests that wait for a place in the batch."),
		gauge(PendingRequests, "pending_dp_reqs_size", "Requests that wait for a rank of data parallelism."),
		gauge(RunningRequests, "running_batch_size", "Requests in the batch."),
		gauge(GenThroughput, "last_gen_throughput", "Tokens per second at the last decode steps; keeps its value when idle."),
		gauge(TotalTokens, "memory_usage.token_capacity", "Tokens that the KV pools of all ranks hold."),
		gauge(CachedTokens, "tree_cache_size", "Tokens of the KV pools that are in the prefix cache."),
	}
	for rank := range dp {
		free := gauge(FreeTokens, fmt.Sprintf("available_kv_tokens_per_dp[%d]", rank), "Tokens of a rank's KV pool that nothing is in.")
		free.Labels = map[string]string{"dp_rank": fmt.Sprint(rank)}
		all = append(all, free)
	}
	return all
}

// ExporterConfig is json_exporter's configuration, in JSON, which is YAML too. keyFile is
// the file with the API key, relative to the exporter's working directory; empty: none.
func ExporterConfig(dp int, keyFile string) string {
	module := map[string]any{"metrics": metrics(dp)}
	if keyFile != "" {
		module["http_client_config"] = map[string]any{
			"authorization": map[string]string{"type": "Bearer", "credentials_file": keyFile},
		}
	}
	// Encoding cannot fail for texts and maps.
	text, _ := json.MarshalIndent(map[string]any{"modules": map[string]any{"default": module}}, "", "  ")
	return string(text) + "\n"
}
