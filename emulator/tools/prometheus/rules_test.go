package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/monitoring"
)

var endpoint = monitoring.Endpoint{
	Cluster: "sglang-tpu-dev", Namespace: "sglang", Set: "sglang-tpu-cluster", Slices: "sglang-tpu-dev-slice-", Groups: 1, Requests: 256, MultiHost: true,
}

const (
	step = 30 * time.Second
	long = 2 * time.Hour // of each situation
	half = 120           // steps until the situation changes
)

// situation maps series to their values over time, in the notation of Prometheus' tests: 1x9 is
// ten times a 1, 0+30x9 rises by 30, and _ is a missing sample.
type situation map[string]string

// group are the labels that the collectors add to a group's series.
const group = `cluster="sglang-tpu-dev",namespace="sglang",job="sglang-tpu-cluster-0",instance="sglang-exporter:metrics"`

func system(metric, labels string) string {
	return fmt.Sprintf(`kubernetes_io:%s{monitored_resource="k8s_container",cluster_name="sglang-tpu-dev",namespace_name="sglang",%s}`, metric, labels)
}

func pool(reason string) string {
	return fmt.Sprintf(`kubernetes_io:node_pool_multi_host_available{monitored_resource="k8s_node_pool",cluster_name="sglang-tpu-dev",node_pool_name="sglang-tpu-dev-slice-0",unavailability_reason="%s"}`, reason)
}

const (
	leader  = `pod_name="sglang-tpu-cluster-0",container_name="sglang-leader"`
	worker  = `pod_name="sglang-tpu-cluster-0-1",container_name="sglang-worker"`
	chip    = `,make="cloud-tpu",accelerator_id="0"`
	forever = "x240"
)

// idle is a server that has served requests before and has none now. The sglang: values are
// from the exporter of the emulated server.
func idle() situation {
	s := situation{
		"up{" + group + "}":                                     "1" + forever,
		"sglang:num_queue_reqs{" + group + "}":                  "0" + forever,
		"sglang:num_pending_dp_reqs{" + group + "}":             "0" + forever,
		"sglang:num_running_reqs{" + group + "}":                "0" + forever,
		"sglang:gen_throughput{" + group + "}":                  "850" + forever,
		"sglang:max_total_num_tokens{" + group + "}":            "1000000" + forever,
		"sglang:kv_cached_tokens{" + group + "}":                "0" + forever,
		`sglang:kv_available_tokens{dp_rank="0",` + group + "}": "500000" + forever,
		`sglang:kv_available_tokens{dp_rank="1",` + group + "}": "500000" + forever,
		pool(""): "1" + forever,
	}
	for _, container := range []string{leader, worker} {
		s[system("container_uptime", container)] = "600+30" + forever
		s[system("container_accelerator_duty_cycle", container+chip)] = "0" + forever
		s[system("container_accelerator_memory_used", container+chip)] = "90e9" + forever
		s[system("container_accelerator_memory_total", container+chip)] = "103e9" + forever
	}
	return s
}

// store returns a storage with the series, with a sample every 30 seconds.
func (s situation) store(t *testing.T) storage.Storage {
	text := "load 30s\n"
	for series, values := range s {
		text += "  " + series + " " + values + "\n"
	}
	store := promqltest.LoadedStorage(t, text)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

func (s situation) with(series, values string) situation {
	if _, ok := s[series]; !ok {
		panic("no series " + series)
	}
	s[series] = values
	return s
}

func (s situation) busy() situation {
	for _, container := range []string{leader, worker} {
		s.with(system("container_accelerator_duty_cycle", container+chip), "93"+forever)
	}
	return s.with("sglang:num_running_reqs{"+group+"}", "256"+forever)
}

// saturated runs its maximum number of requests, and others wait; the KV pool is not full.
func saturated() situation {
	return idle().busy().with("sglang:num_queue_reqs{"+group+"}", "12"+forever)
}

// full has a KV pool that running requests use completely.
func full() situation {
	return idle().busy().with("sglang:num_queue_reqs{"+group+"}", "40"+forever).
		with("sglang:num_running_reqs{"+group+"}", "90"+forever).
		with(`sglang:kv_available_tokens{dp_rank="0",`+group+"}", "12000"+forever).
		with(`sglang:kv_available_tokens{dp_rank="1",`+group+"}", "9000"+forever)
}

// cached has a KV pool full of the prefixes of finished requests, and no waiting requests.
func cached() situation {
	return idle().with("sglang:kv_cached_tokens{"+group+"}", "990000"+forever).
		with(`sglang:kv_available_tokens{dp_rank="0",`+group+"}", "5000"+forever).
		with(`sglang:kv_available_tokens{dp_rank="1",`+group+"}", "5000"+forever)
}

// until returns a series without samples after the first hour.
func until(value string) string { return fmt.Sprintf("%sx%d _x%d", value, half, half-1) }

// dead loses its slice after an hour, and all of its series end.
func dead() situation {
	s := idle()
	for series, values := range s {
		s[series] = until(strings.TrimSuffix(values, forever))
	}
	return s
}

// unresponsive has a server that does not respond; all other series continue.
func unresponsive() situation {
	s := idle()
	for series := range s {
		if strings.HasPrefix(series, "sglang:") {
			s[series] = until(strings.TrimSuffix(s[series], forever))
		}
	}
	return s.with("up{"+group+"}", fmt.Sprintf("1x%d 0x%d", half, half-1))
}

// broken has lost one host; GKE reports the reason in another series.
func broken() situation {
	s := idle().with(pool(""), until("1"))
	s[pool("MachineNotRunning")] = fmt.Sprintf("_x%d 0x%d", half, half)
	return s
}

// crashing restarts its worker every ten minutes; the pod's name does not change.
func crashing() situation {
	return idle().with(system("container_uptime", worker), strings.Repeat("0+30x19 ", 12)+"0")
}

// fired returns the alerts that fire at the end and those that fired at any time, according to
// Prometheus' rule engine.
func fired(t *testing.T, e monitoring.Endpoint, s situation) (atEnd, ever []string) {
	t.Helper()
	store := s.store(t)
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6)
	for _, a := range monitoring.Alerts(e) {
		if a.Query == "" {
			continue
		}
		rule := rules.NewAlertingRule(a.Name, parsed(t, a.Query), a.For, 0, labels.EmptyLabels(), labels.EmptyLabels(), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
		any := false
		for at := time.Duration(0); at <= long; at += step {
			now := time.Unix(0, 0).UTC().Add(at)
			rule.SetEvaluationTimestamp(now)
			_, err := rule.Eval(context.Background(), 0, now, rules.EngineQueryFunc(engine, store), &url.URL{}, 0)
			require.NoError(t, err, a.Name)
			any = any || rule.State() == rules.StateFiring
		}
		if any {
			ever = append(ever, a.Name)
		}
		if rule.State() == rules.StateFiring {
			atEnd = append(atEnd, a.Name)
		}
	}
	return atEnd, ever
}

func parsed(t *testing.T, query string) parser.Expr {
	t.Helper()
	expression, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	require.NoError(t, err, query)
	return expression
}

func TestTheRightAlertsFireAndNoOthers(t *testing.T) {
	for name, c := range map[string]struct {
		series situation
		fires  []string
	}{
		"idle":                              {idle(), nil},
		"busy, and nobody waits":            {idle().busy(), nil},
		"requests wait":                     {saturated(), []string{"queue"}},
		"requests wait for the KV pool":     {full(), []string{"queue", "kv-pool"}},
		"a prefix cache fills the KV pool":  {cached(), nil},
		"dead: no series is left":           {dead(), []string{"no-answer", "slice-lost"}},
		"never started: there is no series": {situation{}, []string{"no-answer", "slice-lost"}},
		"the server does not answer":        {unresponsive(), []string{"no-answer"}},
		"a host is gone":                    {broken(), []string{"slice-lost"}},
		"a worker restarts again and again": {crashing(), []string{"restarts"}},
	} {
		t.Run(name, func(t *testing.T) {
			atEnd, ever := fired(t, endpoint, c.series)
			assert.Equal(t, c.fires, atEnd)
			assert.Equal(t, c.fires, ever, "at any time")
		})
	}
}

func TestAnEndpointWithoutGroupsHasNoAlertAboutThem(t *testing.T) {
	none := endpoint
	none.Groups = 0
	atEnd, _ := fired(t, none, situation{})
	assert.Empty(t, atEnd)
}

func TestAGroupThatDoesNotAnswerTriggersAnAlert(t *testing.T) {
	two := endpoint
	two.Groups = 2
	_, ever := fired(t, two, idle())
	assert.Equal(t, []string{"no-answer", "slice-lost"}, ever)
}

// While an exporter is replaced, two pods have series of the same group.
func TestTwoExportersDoNotDoubleTheGroups(t *testing.T) {
	two := endpoint
	two.Groups, two.MultiHost = 2, false
	s := idle()
	s[strings.Replace("up{"+group+"}", "sglang-exporter:metrics", "another:metrics", 1)] = "1" + forever
	atEnd, _ := fired(t, two, s)
	assert.Equal(t, []string{"no-answer"}, atEnd)
}

func TestASingleHostSliceHasNoMultiHostMetrics(t *testing.T) {
	single := endpoint
	single.MultiHost = false
	atEnd, _ := fired(t, single, situation{})
	assert.Equal(t, []string{"no-answer"}, atEnd, "GKE writes its metric for multi-host node pools alone")
}

// The series of other stacks do not count.
func TestTheSeriesOfAnotherClusterAreIgnored(t *testing.T) {
	other := situation{}
	for series, values := range idle() {
		other[strings.ReplaceAll(series, "sglang-tpu-dev", "sglang-tpu-prod")] = values
	}
	atEnd, _ := fired(t, endpoint, other)
	assert.Equal(t, []string{"no-answer", "slice-lost"}, atEnd)
}

func TestEveryChartHasALine(t *testing.T) {
	loading := full()
	loading[`kubernetes_io:pod_network_received_bytes_count{monitored_resource="k8s_pod",cluster_name="sglang-tpu-dev",namespace_name="sglang",pod_name="download-1a2b3c4d-xyz"}`] = "0+9e9" + forever
	store := loading.store(t)
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6)
	for _, panel := range monitoring.Panels(endpoint) {
		for _, line := range panel.Lines {
			q, err := engine.NewRangeQuery(context.Background(), store, nil, line.Query, time.Unix(0, 0).Add(time.Hour), time.Unix(0, 0).Add(long), time.Minute)
			require.NoError(t, err, line.Query)
			matrix, err := q.Exec(context.Background()).Matrix()
			require.NoError(t, err, line.Query)
			assert.NotEmpty(t, matrix, "%s, %s: %s", panel.Title, line.Legend, line.Query)
			q.Close()
		}
	}
}

func TestAnIdleServerShowsNoTokens(t *testing.T) {
	for name, c := range map[string]struct {
		series situation
		tokens float64
	}{"idle": {idle(), 0}, "busy": {idle().busy(), 850}} {
		store := c.series.store(t)
		panel := slices.IndexFunc(monitoring.Panels(endpoint), func(p monitoring.Panel) bool { return p.Title == "Generated tokens" })
		q, err := promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6).NewInstantQuery(context.Background(), store, nil, monitoring.Panels(endpoint)[panel].Lines[0].Query, time.Unix(3600, 0))
		require.NoError(t, err)
		vector, err := q.Exec(context.Background()).Vector()
		require.NoError(t, err)
		require.Len(t, vector, 1)
		assert.Equal(t, promql.Vector{{Metric: vector[0].Metric, T: vector[0].T, F: c.tokens}}, vector, name)
	}
}

// gke are the names of GKE's system metrics in PromQL. Source:
// https://docs.cloud.google.com/monitoring/api/metrics_kubernetes, generated 2026-04-10.
var gke = []string{
	"kubernetes_io:container_accelerator_duty_cycle",
	"kubernetes_io:container_accelerator_memory_total",
	"kubernetes_io:container_accelerator_memory_used",
	"kubernetes_io:container_uptime",
	"kubernetes_io:node_pool_multi_host_available",
	"kubernetes_io:pod_network_received_bytes_count",
}

// An alert on a metric that does not exist never fires.
func TestEveryQueriedMetricIsExported(t *testing.T) {
	config := monitoring.ExporterConfig(2, "")
	written := map[string]bool{"up": true}
	for _, match := range regexp.MustCompile(`"name": "([^"]+)"`).FindAllStringSubmatch(config, -1) {
		written[match[1]] = true
	}
	for _, name := range gke {
		written[name] = true
	}
	used := map[string]bool{}
	var queries []string
	for _, a := range monitoring.Alerts(endpoint) {
		if a.Query != "" {
			queries = append(queries, a.Query)
		}
	}
	for _, p := range monitoring.Panels(endpoint) {
		for _, l := range p.Lines {
			queries = append(queries, l.Query)
		}
	}
	for _, query := range queries {
		parser.Inspect(parsed(t, query), func(node parser.Node, _ []parser.Node) error {
			if s, ok := node.(*parser.VectorSelector); ok {
				used[s.Name] = true
				assert.True(t, written[s.Name], "nobody writes %s", s.Name)
			}
			return nil
		})
	}
	for _, name := range gke {
		assert.True(t, used[name], "%s is used by nobody", name)
	}
}
