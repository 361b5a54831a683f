package bench

import (
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"
)

// Level are the measurements at one concurrency level.
type Level struct {
	AtOnce   int            `json:"atOnce"`
	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Errors   map[string]int `json:"errors,omitempty"` // number of occurrences
	Seconds  float64        `json:"seconds"`

	// Sums over all answered requests, divided by the total duration.
	InputPerSecond  float64 `json:"inputTokensPerSecond"`
	OutputPerSecond float64 `json:"outputTokensPerSecond"`
	CachedTokens    int     `json:"cachedTokens"` // of the input, from the prefix cache

	FirstToken Percentiles `json:"timeToFirstTokenMs"`
	EachToken  Percentiles `json:"timePerOutputTokenMs"`
	Whole      Percentiles `json:"latencyMs"`
}

// Percentiles are percentiles of a duration in milliseconds.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

// measure summarizes answers with the definitions of the server's bench_serving.py: the time per
// output token of a request is the time after its first token, divided by the number of other
// tokens; rates include only answered requests.
func measure(atOnce int, answers []answer, took time.Duration) Level {
	l := Level{AtOnce: atOnce, Requests: len(answers), Seconds: took.Seconds()}
	var first, each, whole []float64
	input, output := 0, 0
	for _, a := range answers {
		if a.problem != nil {
			if l.Errors == nil {
				l.Errors = map[string]int{}
			}
			l.Failed++
			l.Errors[a.problem.Error()]++
			continue
		}
		input += a.input
		output += a.output
		l.CachedTokens += a.cached
		first, whole = append(first, ms(a.first)), append(whole, ms(a.whole))
		if a.output > 1 {
			each = append(each, ms(a.whole-a.first)/float64(a.output-1))
		}
	}
	if took > 0 {
		l.InputPerSecond, l.OutputPerSecond = float64(input)/took.Seconds(), float64(output)/took.Seconds()
	}
	l.FirstToken, l.EachToken, l.Whole = percentiles(first), percentiles(each), percentiles(whole)
	return l
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// percentiles returns measured values without interpolation; 0 if there are none.
func percentiles(values []float64) Percentiles {
	if len(values) == 0 {
		return Percentiles{}
	}
	slices.Sort(values)
	at := func(p float64) float64 { return stat.Quantile(p, stat.Empirical, values, nil) }
	return Percentiles{at(0.5), at(0.95), at(0.99)}
}
