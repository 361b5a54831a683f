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

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/monitoring"
)

var update = flag.Bool("update", false, "draw the picture of the documentation anew")

// missing stands for a missing sample. The first one after a sample becomes Prometheus' mark of
// a stale series, as in a scrape.
var missing = math.NaN()

// Minutes at which the parts of the day start.
const (
	busyAt, fullAt, lostAt, backAt, againAt, end = 20, 45, 75, 90, 105, 120
)

// parts are the parts of the day, whose names are in the picture.
var parts = []struct {
	name     string
	from, to float64
}{
	{"idle", 0, busyAt}, {"busy", busyAt, fullAt}, {"saturated", fullAt, lostAt}, {"host lost", lostAt, backAt}, {"loading", backAt, againAt}, {"busy", againAt, end},
}

// during returns a value for each part of the day. There is none from the loss of the host
// until the model is loaded again.
func during(idle, working, full float64) func(float64) float64 {
	return func(m float64) float64 {
		wave := 1 + 0.05*math.Sin(m*1.7)
		switch {
		case m < busyAt:
			return idle
		case m < fullAt:
			return (idle + (working-idle)*(m-busyAt)/(fullAt-busyAt)) * wave
		case m < lostAt:
			return full * wave
		case m < againAt:
			return missing
		default:
			return working * wave
		}
	}
}

// day is two hours of an endpoint: it is idle, gets busy, saturated, loses a host, and
// recovers. Each function returns the value of a minute.
func day() situation {
	s := situation{}
	series := func(name string, value func(minute float64) float64) {
		var values []string
		before := missing
		for i := range 2 * end {
			v := value(float64(i) / 2)
			switch {
			case !math.IsNaN(v):
				values = append(values, fmt.Sprint(math.Round(v*1000)/1000))
			case math.IsNaN(before):
				values = append(values, "_")
			default:
				values = append(values, "stale")
			}
			before = v
		}
		s[name] = strings.Join(values, " ")
	}
	metric := func(name string, value func(float64) float64) { series(name+"{"+group+"}", value) }
	series("up{"+group+"}", func(m float64) float64 {
		if m >= lostAt && m < againAt {
			return 0
		}
		return 1
	})
	metric(monitoring.RunningRequests, func(m float64) float64 { return math.Min(256, math.Round(during(0, 180, 256)(m))) })
	metric(monitoring.QueueRequests, func(m float64) float64 { return math.Round(during(0, 0, 60)(m)) })
	metric(monitoring.PendingRequests, during(0, 0, 0))
	metric(monitoring.GenThroughput, func(m float64) float64 {
		if m < busyAt {
			return 5200 // of the last requests
		}
		return during(0, 5600, 7900)(m)
	})
	metric(monitoring.TotalTokens, func(m float64) float64 {
		if math.IsNaN(during(0, 0, 0)(m)) {
			return missing
		}
		return 5e6
	})
	metric(monitoring.CachedTokens, during(1.2e6, 1.8e6, 1.5e6))
	for rank := range 2 {
		series(fmt.Sprintf(`%s{dp_rank="%d",%s}`, monitoring.FreeTokens, rank, group), during(1.9e6, 0.9e6, 0.3e6))
	}
	for i, container := range []string{leader, worker} {
		chips := func(value func(float64) float64) func(float64) float64 {
			return func(m float64) float64 {
				if m >= lostAt && m < backAt {
					return missing
				}
				if m >= backAt && m < againAt {
					return 2
				}
				return value(m + float64(i))
			}
		}
		series(system("container_accelerator_duty_cycle", container+chip), chips(during(1, 70, 94)))
		series(system("container_accelerator_memory_used", container+chip), chips(func(float64) float64 { return 91e9 }))
		series(system("container_accelerator_memory_total", container+chip), func(float64) float64 { return 103e9 })
		series(system("container_uptime", container), func(m float64) float64 {
			if m >= lostAt && m < backAt {
				return missing
			}
			if m >= backAt {
				return (m - backAt) * 60
			}
			return 7200 + m*60
		})
	}
	series(pool(""), func(m float64) float64 {
		if m >= lostAt && m < backAt {
			return missing
		}
		return 1
	})
	series(pool("MachineNotRunning"), func(m float64) float64 {
		if m >= lostAt && m < backAt {
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
	left, right, top, foot  = 52, 26, 44, 48
)

var colours = []string{"#1a73e8", "#e8710a", "#a142f4"}

// Limits are gray lines below the others.
const limitColour = "#80868b"

func isLimit(l monitoring.Line) bool { return strings.HasPrefix(l.Query, "vector(") }

// TestThePictureOfTheDashboardIsDrawnFromItsQueries compares docs/dashboard.svg with the results
// of the dashboard's queries in Prometheus' engine.
func TestThePictureOfTheDashboardIsDrawnFromItsQueries(t *testing.T) {
	store := day().store(t)
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6)
	panels := monitoring.Panels(endpoint)
	rows := (len(panels) + 1) / 2
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n", 2*chartWidth, rows*chartHeight+24)
	fmt.Fprintf(&out, `<rect width="100%%" height="100%%" fill="#fff"/><text x="8" y="16" font-size="12" fill="#5f6368">The dashboard's queries on invented values of two hours, not a measurement.</text>`+"\n")
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
	steps := axis(most, p.Unit)
	limit := steps[len(steps)-1]
	at := func(minute float64) float64 { return left + minute/end*(chartWidth-left-right) }
	x := func(ms int64) float64 { return at(float64(ms) / 60000) }
	y := func(v float64) float64 { return chartHeight - foot - v/limit*(chartHeight-top-foot) }
	title := p.Title
	if p.Unit != "" {
		title += ", " + p.Unit
	}
	fmt.Fprintf(out, `<text x="8" y="18" font-size="13" fill="#202124">%s</text>`+"\n", html.EscapeString(title))
	for i, part := range parts {
		if i%2 == 1 {
			fmt.Fprintf(out, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="#f1f3f4"/>`+"\n", at(part.from), top-14, at(part.to)-at(part.from), chartHeight-foot-top+14)
		}
		fmt.Fprintf(out, `<text x="%.1f" y="%d" text-anchor="middle" font-size="9" fill="#5f6368">%s</text>`+"\n", at((part.from+part.to)/2), top-5, part.name)
	}
	for _, v := range steps {
		fmt.Fprintf(out, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dadce0"/><text x="%d" y="%.1f" text-anchor="end" fill="#5f6368">%s</text>`+"\n",
			left, chartWidth-right, y(v), y(v), left-4, y(v)+4, short(v))
	}
	for minute := 0.0; minute <= end; minute += 30 {
		fmt.Fprintf(out, `<text x="%.1f" y="%d" text-anchor="middle" fill="#5f6368">%g min</text>`+"\n", at(minute), chartHeight-foot+14, minute)
	}
	// Limits are drawn first, so that they do not hide other lines.
	for _, limits := range []bool{true, false} {
		for i, matrix := range lines {
			if isLimit(p.Lines[i]) != limits {
				continue
			}
			for n, series := range matrix {
				fmt.Fprintf(out, `<path fill="none" stroke="%s" stroke-width="1.5"%s d="%s"/>`+"\n", colour(p, i), dash(limits || n > 0), path(series, x, y))
			}
		}
	}
	from := left
	for i, matrix := range lines {
		legend := p.Lines[i].Legend
		if len(matrix) > 1 {
			legend += " (one line for each " + strings.Join(labelsOf(matrix), ", ") + ")"
		}
		fmt.Fprintf(out, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="%s" stroke-width="2"%s/><text x="%d" y="%d" fill="#5f6368">%s</text>`+"\n",
			from, from+16, chartHeight-16, chartHeight-16, colour(p, i), dash(isLimit(p.Lines[i])), from+20, chartHeight-12, html.EscapeString(legend))
		from += 36 + 6*len(legend)
	}
}

// colour returns the color of a line by its index among those that are not limits.
func colour(p monitoring.Panel, i int) string {
	if isLimit(p.Lines[i]) {
		return limitColour
	}
	n := 0
	for _, l := range p.Lines[:i] {
		if !isLimit(l) {
			n++
		}
	}
	return colours[n%len(colours)]
}

func dash(dashed bool) string {
	if dashed {
		return ` stroke-dasharray="4 3"`
	}
	return ""
}

// labelsOf returns the names of the labels in which the results differ.
func labelsOf(matrix promql.Matrix) (names []string) {
	matrix[0].Metric.Range(func(l labels.Label) { names = append(names, strings.TrimSuffix(l.Name, "_name")) })
	return names
}

// path returns the SVG path of a series, with gaps where points are missing.
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

// axis returns the marked values of an axis, up to at least the maximum. Small counts have a
// mark for each value, and the axis of a fraction ends with 1.
func axis(most float64, unit string) []float64 {
	steps := func(unit float64, n int) (all []float64) {
		for i := range n + 1 {
			all = append(all, float64(i)*unit)
		}
		return all
	}
	switch {
	case unit == "share":
		return steps(0.5, 2)
	case unit == "percent":
		return steps(50, 2)
	case unit == "" && most <= 3:
		return steps(1, int(most)+1)
	}
	magnitude := math.Pow(10, math.Floor(math.Log10(most)))
	for _, step := range []float64{0.5, 1, 2, 5} {
		if most <= 4*step*magnitude {
			return steps(step*magnitude, int(math.Ceil(most/step/magnitude)))
		}
	}
	return []float64{0, most}
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
