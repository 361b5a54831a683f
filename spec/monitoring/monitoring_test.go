package monitoring

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var endpoint = Endpoint{Cluster: "c", Namespace: "sglang", Set: "set", Slices: "c-slice-", Groups: 1, MultiHost: true}

func TestEachRankOfDataParallelismHasASeriesOfItsFreeTokens(t *testing.T) {
	var config struct {
		Modules map[string]struct {
			Metrics []metric       `json:"metrics"`
			Client  map[string]any `json:"http_client_config"`
		} `json:"modules"`
	}
	require.NoError(t, json.Unmarshal([]byte(ExporterConfig(2, "api-key")), &config))
	module := config.Modules["default"]
	var ranks []string
	names := map[string]bool{}
	for _, m := range module.Metrics {
		names[m.Name] = true
		if m.Name == FreeTokens {
			ranks = append(ranks, m.Labels["dp_rank"]+" "+m.Path)
		}
	}
	assert.Equal(t, []string{"0 {.internal_states[0].available_kv_tokens_per_dp[0]}", "1 {.internal_states[0].available_kv_tokens_per_dp[1]}"}, ranks)
	assert.Equal(t, map[string]any{"authorization": map[string]any{"type": "Bearer", "credentials_file": "api-key"}}, module.Client)
	for _, known := range []string{"sglang:num_queue_reqs", "sglang:num_running_reqs", "sglang:gen_throughput", "sglang:max_total_num_tokens"} {
		assert.True(t, names[known], "routers know %s", known)
	}
	assert.NotContains(t, ExporterConfig(2, ""), "http_client_config")
}

// The scripts are what writes the lines that alerts wait for.
func TestTheScriptsWriteTheLinesThatAlertsWaitFor(t *testing.T) {
	for _, c := range []struct{ script, begins, line string }{
		{"launch.sh", "launch: ", RendezvousLine},
		{"download.sh", "download: ", DownloadLine},
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", "infra", "serving", c.script))
		require.NoError(t, err)
		assert.True(t, strings.Contains(string(text), `echo "`+c.begins), "%s writes no line that begins with %q", c.script, c.begins)
		for _, part := range strings.Split(strings.Trim(regexp.MustCompile(`^\^(launch|download): (\.\*)?`).ReplaceAllString(c.line, ""), "()"), "|") {
			assert.True(t, strings.Contains(string(text), part), "%s does not write %q, which an alert of alerts.go waits for", c.script, part)
		}
	}
	// That it matches what launch.sh prints is tested where the script runs, with the emulated server.
	line := regexp.MustCompile(RendezvousLine)
	assert.False(t, line.MatchString("launch: waiting: sglang-tpu-cluster-0-1 has no address"))
	line = regexp.MustCompile(DownloadLine)
	assert.True(t, line.MatchString("download: Qwen/Qwen3-8B@main could not be fetched; what has come stays in the bucket"))
	assert.False(t, line.MatchString("download: fetching Qwen/Qwen3-8B@main, attempt 2"))
}

func TestEachAlertHasAQueryOrALogFilterAndSaysWhatToDo(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range Alerts(endpoint) {
		assert.NotEqual(t, a.Query == "", a.Log == "", a.Name)
		assert.False(t, seen[a.Name], a.Name)
		seen[a.Name] = true
		assert.NotEmpty(t, a.Title)
		assert.Greater(t, len(a.Text), 100, "%s: what it means, and what to do", a.Name)
		assert.NotContains(t, a.Text, "\n")
		assert.Contains(t, []string{Critical, Warning}, a.Severity)
		assert.Zero(t, int(a.For.Seconds())%30, "Google takes multiples of 30 s")
	}
}

// Google's answer leaves zeros and empty texts out, which the provider takes for a change.
func TestTheDashboardHasNoValuesThatGoogleOmits(t *testing.T) {
	var shown map[string]any
	require.NoError(t, json.Unmarshal([]byte(Dashboard("title", Panels(endpoint))), &shown))
	var look func(at string, v any)
	look = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				look(at+"."+key, inner)
			}
		case []any:
			assert.NotEmpty(t, v, at)
			for _, inner := range v {
				look(at+"[]", inner)
			}
		default:
			assert.NotZero(t, v, at)
		}
	}
	look("", shown)
}

func TestTheChartsDoNotOverlap(t *testing.T) {
	var shown struct {
		Layout struct {
			Columns int `json:"columns"`
			Tiles   []struct{ XPos, YPos, Width, Height int }
		} `json:"mosaicLayout"`
	}
	require.NoError(t, json.Unmarshal([]byte(Dashboard("title", Panels(endpoint))), &shown))
	require.Len(t, shown.Layout.Tiles, len(Panels(endpoint)))
	taken := map[[2]int]bool{}
	for _, tile := range shown.Layout.Tiles {
		for x := tile.XPos; x < tile.XPos+tile.Width; x++ {
			assert.Less(t, x, shown.Layout.Columns)
			for y := tile.YPos; y < tile.YPos+tile.Height; y++ {
				require.False(t, taken[[2]int{x, y}], "two charts at %d, %d", x, y)
				taken[[2]int{x, y}] = true
			}
		}
	}
}

// row is an alert in the table of docs/monitoring.md.
func row(a Alert) string {
	after := "at once"
	if a.For > 0 {
		after = fmt.Sprintf("%d min", int(a.For.Minutes()))
	}
	return fmt.Sprintf("| %s | %s | %s | %s |", a.Title, strings.ToLower(a.Severity), after, a.Text)
}

// The page of the documentation is what alerts say, so it has their words.
func TestTheDocumentationHasTheTextOfEachAlert(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "monitoring.md"))
	require.NoError(t, err)
	for _, a := range Alerts(endpoint) {
		assert.Contains(t, string(page), row(a), "the row of %s in docs/monitoring.md", a.Name)
	}
	for _, p := range Panels(endpoint) {
		assert.Contains(t, string(page), "| "+p.Title+" |", "the row of the chart in docs/monitoring.md")
	}
}
