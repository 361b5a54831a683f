package main

import (
	"context"
	"flag"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/monitoring"
)

var update = flag.Bool("update", false, "draw the picture of the documentation anew")

// missing is no sample.
var missing = math.NaN()

// day is two hours of an endpoint: it is idle, gets busy, saturated, loses a host, and comes
// back. Each function gives a value of a minute.
func day() situation {
	const busy, saturated, lost, back, again = 20, 45, 75, 90, 105
	s := situation{}
	series := func(name string, value func(minute float64) float64) {
		var values []string
		for i := range 2 * 120 {
			if v := value(float64(i) / 2); math.IsNaN(v) {
				values = append(values, "_")
			} else {
				values = append(values, fmt.Sprint(math.Round(v*1000)/1000))
			}
		}
		s[name] = strings.Join(values, " ")
	}
	// part is a value for each part of the day; from the loss until its model is loaded again
	// the server says nothing.
	part := func(idle, working, full float64) func(float64) float64 {
		return func(m float64) float64 {
			wave := 1 + 0.05*math.Sin(m*1.7)
			switch {
			case m < busy:
				return idle
			case m < saturated:
				return (idle + (working-idle)*(m-busy)/(saturated-busy)) * wave
			case m < lost:
				return full * wave
			case m < again:
				return missing
			default:
				return working * wave
			}
		}
	}
	metric := func(name string, value func(float64) float64) { series(name+"{"+group+"}", value) }
	series("up{"+group+"}", func(m float64) float64 {
		if m >= lost && m < again {
			return 0
		}
		return 1
	})
	metric(monitoring.RunningRequests, func(m float64) float64 { return math.Min(256, math.Round(part(0, 180, 256)(m))) })
	metric(monitoring.QueueRequests, func(m float64) float64 { return math.Round(part(0, 0, 60)(m)) })
	metric(monitoring.PendingRequests, part(0, 0, 0))
	metric(monitoring.GenThroughput, func(m float64) float64 {
		if m < busy {
			return 5200 // of the last requests
		}
		return part(0, 5600, 7900)(m)
	})
	metric(monitoring.TotalTokens, func(m float64) float64 {
		if math.IsNaN(part(0, 0, 0)(m)) {
			return missing
		}
		return 5e6
	})
	metric(monitoring.CachedTokens, part(1.2e6, 1.8e6, 1.5e6))
	for rank := range 2 {
		series(fmt.Sprintf(`%s{dp_rank="%d",%s}`, monitoring.FreeTokens, rank, group), part(1.9e6, 0.9e6, 0.3e6))
	}
	for i, container := range []string{leader, worker} {
		chips := func(value func(float64) float64) func(float64) float64 {
			return func(m float64) float64 {
				if m >= lost && m < back {
					return missing
				}
				if m >= back && m < again {
					return 2
				}
				return value(m + float64(i))
			}
		}
		series(system("container_accelerator_duty_cycle", container+chip), chips(part(1, 70, 94)))
		series(system("container_accelerator_memory_used", container+chip), chips(func(float64) float64 { return 91e9 }))
		series(system("container_accelerator_memory_total", container+chip), func(float64) float64 { return 103e9 })
		series(system("container_uptime", container), func(m float64) float64 {
			if m >= lost && m < back {
				return missing
			}
			if m >= back {
				return (m - back) * 60
			}
			return 7200 + m*60
		})
	}
	series(pool(""), func(m float64) float64 {
		if m >= lost && m < back {
			return missing
		}
		return 1
	})
	series(pool("MachineNotRunning"), func(m float64) float64 {
		if m >= lost && m < back {
			return 0
		}
		return missing
	})
	series(`kubernetes_io:pod_network_received_bytes_count{monitored_resource="k8s_pod",cluster_name="sglang-tpu-dev",namespace_name="sglang",pod_name="download-1a2b3c4d-xyz"}`, func(m float64) float64 {
		if m > 15 {
			return missing
		}
		return m * 60 * 75e6
	})
	return s
}

// Sizes of the picture, in pixels.
const (
	chartWidth, chartHeight = 470, 190
	left, right, top, foot  = 52, 12, 30, 34
)

var colours = []string{"#1a73e8", "#e8710a", "#188038", "#a142f4"}

// TestThePictureOfTheDashboardIsDrawnFromItsQueries holds docs/dashboard.svg to what
// Prometheus' engine answers to the dashboard's queries.
func TestThePictureOfTheDashboardIsDrawnFromItsQueries(t *testing.T) {
	text := "load 30s\n"
	for series, values := range day() {
		text += "  " + series + " " + values + "\n"
	}
	store := promqltest.LoadedStorage(t, text)
	defer store.Close()
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6)
	panels := monitoring.Panels(endpoint)
	rows := (len(panels) + 1) / 2
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n", 2*chartWidth, rows*chartHeight+24)
	fmt.Fprintf(&out, `<rect width="100%%" height="100%%" fill="#fff"/><text x="8" y="16" font-size="12" fill="#5f6368">Two hours of an emulated endpoint, from made-up values: idle, busy, saturated, a host lost, back. Drawn from the dashboard's queries.</text>`+"\n")
	for i, p := range panels {
		var lines []promql.Matrix
		for _, l := range p.Lines {
			q, err := engine.NewRangeQuery(context.Background(), store, nil, l.Query, time.Unix(0, 0), time.Unix(7170, 0), 30*time.Second)
			require.NoError(t, err)
			matrix, err := q.Exec(context.Background()).Matrix()
			require.NoError(t, err, l.Query)
			require.NotEmpty(t, matrix, "%s: %s", p.Title, l.Query)
			lines = append(lines, matrix)
		}
		fmt.Fprintf(&out, `<g transform="translate(%d %d)">`+"\n", i%2*chartWidth, i/2*chartHeight+24)
		chart(&out, p, lines)
		out.WriteString("</g>\n")
	}
	out.WriteString("</svg>\n")
	file := filepath.Join("..", "..", "..", "docs", "dashboard.svg")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
	}
	drawn, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.True(t, string(drawn) == out.String(), "docs/dashboard.svg is not what the queries give; go test -run Picture -update draws it anew")
}

func chart(out *strings.Builder, p monitoring.Panel, lines []promql.Matrix) {
	most := 0.0
	for _, matrix := range lines {
		for _, series := range matrix {
			for _, point := range series.Floats {
				most = math.Max(most, point.F)
			}
		}
	}
	limit := rounded(most)
	x := func(ms int64) float64 { return left + float64(ms)/7.2e6*(chartWidth-left-right) }
	y := func(v float64) float64 { return chartHeight - foot - v/limit*(chartHeight-top-foot) }
	title := p.Title
	if p.Unit != "" {
		title += ", " + p.Unit
	}
	fmt.Fprintf(out, `<text x="8" y="18" font-size="13" fill="#202124">%s</text>`+"\n", html.EscapeString(title))
	for part := range 3 {
		v := limit * float64(part) / 2
		fmt.Fprintf(out, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dadce0"/><text x="%d" y="%.1f" text-anchor="end" fill="#5f6368">%s</text>`+"\n",
			left, chartWidth-right, y(v), y(v), left-4, y(v)+4, short(v))
	}
	at := left
	for i, matrix := range lines {
		colour := colours[i%len(colours)]
		for n, series := range matrix {
			dash := ""
			if n > 0 {
				dash = ` stroke-dasharray="4 3"`
			}
			fmt.Fprintf(out, `<path fill="none" stroke="%s" stroke-width="1.5"%s d="%s"/>`+"\n", colour, dash, path(series, x, y))
		}
		legend := p.Lines[i].Legend
		fmt.Fprintf(out, `<rect x="%d" y="%d" width="9" height="9" fill="%s"/><text x="%d" y="%d" fill="#5f6368">%s</text>`+"\n",
			at, chartHeight-18, colour, at+13, chartHeight-10, html.EscapeString(legend))
		at += 30 + 6*len(legend)
	}
}

// path goes on after a gap where there are points again.
func path(series promql.Series, x func(int64) float64, y func(float64) float64) string {
	var d strings.Builder
	last := int64(math.MinInt32)
	for _, point := range series.Floats {
		command := "L"
		if point.T-last > 30000 {
			command = "M"
		}
		last = point.T
		fmt.Fprintf(&d, "%s%.1f %.1f", command, x(point.T), y(point.F))
	}
	return d.String()
}

// rounded is the end of an axis: 1, 2 or 5 with noughts, and never nothing.
func rounded(most float64) float64 {
	if most <= 0 {
		return 1
	}
	magnitude := math.Pow(10, math.Floor(math.Log10(most)))
	for _, step := range []float64{1, 2, 5, 10} {
		if most <= step*magnitude {
			return step * magnitude
		}
	}
	return most
}

func short(v float64) string {
	switch {
	case v >= 1e9:
		return fmt.Sprintf("%g G", v/1e9)
	case v >= 1e6:
		return fmt.Sprintf("%g M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%g k", v/1e3)
	default:
		return fmt.Sprintf("%g", v)
	}
}
