package monitoring

import (
	"encoding/json"
	"fmt"
)

// Panel is one chart.
type Panel struct {
	Title string
	Unit  string // of the vertical axis; empty: a plain number
	Lines []Line
}

// Line is one query of a chart, with a line for each of its results.
type Line struct {
	Legend string
	Query  string
}

// Panels returns the charts of an endpoint's dashboard, from left to right and from top to
// bottom.
func Panels(e Endpoint) []Panel {
	running := e.scraped(RunningRequests)
	panels := []Panel{
		{Title: "Groups that answer", Lines: []Line{
			{"answering", e.answering()}, {"replicas", fmt.Sprintf("vector(%d)", e.Groups)},
		}},
		{Title: "Requests of each group", Lines: []Line{
			{"running", "sum by (job) (" + running + ")"},
			{"waiting", fmt.Sprintf("sum by (job) (%s) + sum by (job) (%s)", e.scraped(QueueRequests), e.scraped(PendingRequests))},
			{"can run", fmt.Sprintf("vector(%d)", e.Requests)},
		}},
		{Title: "KV pool of each group", Unit: "share", Lines: []Line{
			{"taken, with the prefix cache", "1 - " + e.free()},
			{"prefix cache", fmt.Sprintf("max by (job) (%s) / max by (job) (%s)", e.scraped(CachedTokens), e.scraped(TotalTokens))},
		}},
		{Title: "Generated tokens", Unit: "tokens per second", Lines: []Line{
			// An idle server keeps its last value.
			{"tokens", fmt.Sprintf("sum by (job) (%s * (%s > bool 0))", e.scraped(GenThroughput), running)},
		}},
		{Title: "Chips busy", Unit: "percent", Lines: []Line{
			{"duty cycle", "avg by (pod_name) (" + e.container("accelerator_duty_cycle") + ")"},
		}},
		{Title: "HBM used", Unit: "share", Lines: []Line{
			{"used", fmt.Sprintf("sum by (pod_name) (%s) / sum by (pod_name) (%s)", e.container("accelerator_memory_used"), e.container("accelerator_memory_total"))},
		}},
		{Title: "Restarts in the last hour", Lines: []Line{{"restarts", e.restarts()}}},
		{Title: "Weights being fetched", Unit: "bytes per second", Lines: []Line{
			{"download", fmt.Sprintf(`sum by (pod_name) (rate(kubernetes_io:pod_network_received_bytes_count{monitored_resource="k8s_pod",cluster_name="%s",namespace_name="%s",pod_name=~"download-.*"}[5m]))`,
				e.Cluster, e.Namespace)},
		}},
	}
	if e.MultiHost {
		panels = append(panels, Panel{Title: "Slices with all hosts", Lines: []Line{
			{"complete", e.slices()}, {"replicas", fmt.Sprintf("vector(%d)", e.Groups)},
		}})
	}
	return panels
}

// Columns of the grid, and the size of a chart in it.
const (
	columns = 48
	width   = columns / 2
	height  = 16
)

// Dashboard returns Cloud Monitoring's JSON of the panels
// (https://docs.cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards).
//
// Zeros and empty texts are left out. Google's answer omits them, so the provider would
// report a change at each preview (monitoringDashboardDiffSuppress removes only what the
// answer has in addition).
func Dashboard(title string, panels []Panel) string {
	var tiles []any
	for i, p := range panels {
		var sets []any
		for _, l := range p.Lines {
			sets = append(sets, map[string]any{
				"plotType": "LINE", "targetAxis": "Y1", "legendTemplate": l.Legend,
				"timeSeriesQuery": map[string]any{"prometheusQuery": l.Query},
			})
		}
		axis := map[string]any{"scale": "LINEAR"}
		if p.Unit != "" {
			axis["label"] = p.Unit
		}
		tile := map[string]any{
			"width": width, "height": height,
			"widget": map[string]any{"title": p.Title, "xyChart": map[string]any{"dataSets": sets, "yAxis": axis}},
		}
		for name, at := range map[string]int{"xPos": i % 2 * width, "yPos": i / 2 * height} {
			if at > 0 {
				tile[name] = at
			}
		}
		tiles = append(tiles, tile)
	}
	text, _ := json.Marshal(map[string]any{ // encoding cannot fail for texts, numbers and maps
		"displayName":  title,
		"mosaicLayout": map[string]any{"columns": columns, "tiles": tiles},
	})
	return string(text)
}
