package bench

import (
	"fmt"
	"strings"
)

// heading names the stack and its nodes. The operating system of the nodes tells whether they
// are emulated.
func (r Run) heading() string { return fmt.Sprintf("Benchmark of %s on %s", r.Stack, r.Nodes) }

// subject describes the model and its size.
func (r Run) subject() string {
	return fmt.Sprintf("%s on %d x %s, %d tokens in and %d out", r.Plan.Model, r.Replicas, r.Plan.Topology, r.Load.InputTokens, r.Load.OutputTokens)
}

// mostShownRuns is the maximum number of earlier runs on the page.
const mostShownRuns = 20

// table returns the page of a run. last is nil if no earlier run is comparable.
func table(r Run, last *Run, earlier []Run) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n", r.heading())
	fmt.Fprintf(&out, "%s, %s. Image `%s`, program `%s`. Requests went through %s.\n\n", r.subject(), r.Date.Format("2006-01-02 15:04 MST"), r.Image, r.Program, r.Through)
	out.WriteString(planned(r))
	fmt.Fprintf(&out, "\n![Throughput and times by requests at once](%s)\n\n", plotName)
	out.WriteString("| at once | requests | failed | output tokens/s | input tokens/s | first token, ms: P50 | P95 | P99 | per output token, ms: P50 | P95 | P99 |\n")
	out.WriteString("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, l := range r.Levels {
		fmt.Fprintf(&out, "| %d | %d | %d | %s | %s | %s | %s |\n", l.AtOnce, l.Requests, l.Failed, number(l.OutputPerSecond), number(l.InputPerSecond), l.FirstToken.cells(), l.EachToken.cells())
	}
	out.WriteString(failures(r))
	out.WriteString("\n## Compared with the last run\n\n")
	if last == nil {
		fmt.Fprintf(&out, "None of %d earlier runs has the same stack, nodes, model, topology, replicas, load and way to the server.\n", len(earlier))
	} else {
		out.WriteString(compared(r, *last))
	}
	out.WriteString("\n## History\n\n| date | nodes | image | program | tokens in, out | best output tokens/s | at once | failed |\n|---|---|---|---|---|---:|---:|---:|\n")
	all := append(append([]Run(nil), earlier...), r)
	for i := len(all) - 1; i >= max(0, len(all)-mostShownRuns); i-- {
		h, failed := all[i], 0
		for _, l := range h.Levels {
			failed += l.Failed
		}
		best := h.best()
		fmt.Fprintf(&out, "| %s | %s | `%s` | `%s` | %d, %d | %s | %d | %d |\n", h.Date.Format("2006-01-02 15:04"), h.Nodes, h.Image, h.Program,
			h.Load.InputTokens, h.Load.OutputTokens, number(best.OutputPerSecond), best.AtOnce, failed)
	}
	return out.String()
}

// planned describes what the plan predicts for the load.
func planned(r Run) string {
	p := r.Plan
	pool := "; how many tokens the KV pool holds is not known"
	if p.KVPoolTokens > 0 {
		pool = fmt.Sprintf(", and its KV pool holds %d tokens, which is %d requests of this load", p.KVPoolTokens, p.KVPoolTokens/max(1, r.Load.InputTokens+r.Load.OutputTokens))
	}
	return fmt.Sprintf("The plan: a group admits %d requests at once%s. So %d requests of this load run at once in %d group(s), or %d requests of full length; more requests wait.\n",
		p.RequestsCap, pool, r.capacity(), r.Replicas, p.RequestsAtOnce*r.Replicas)
}

// compared shows the change of medians and throughput against another run.
func compared(r, last Run) string {
	var out strings.Builder
	fmt.Fprintf(&out, "The last run was on %s, with image `%s` and program `%s`.\n\n", last.Date.Format("2006-01-02 15:04 MST"), last.Image, last.Program)
	out.WriteString("| at once | output tokens/s | first token, P50 | P99 | per output token, P50 | P99 |\n|---:|---:|---:|---:|---:|---:|\n")
	for _, l := range r.Levels {
		before, ok := last.level(l.AtOnce)
		if !ok {
			continue
		}
		fmt.Fprintf(&out, "| %d | %s | %s | %s | %s | %s |\n", l.AtOnce, change(before.OutputPerSecond, l.OutputPerSecond),
			change(before.FirstToken.P50, l.FirstToken.P50), change(before.FirstToken.P99, l.FirstToken.P99),
			change(before.EachToken.P50, l.EachToken.P50), change(before.EachToken.P99, l.EachToken.P99))
	}
	return out.String()
}

// failures lists the errors of all levels.
func failures(r Run) string {
	var out strings.Builder
	for _, l := range r.Levels {
		for _, text := range l.errors() {
			fmt.Fprintf(&out, "\n- %d at once, %d times: %s", l.AtOnce, l.Errors[text], text)
		}
	}
	if out.Len() == 0 {
		return ""
	}
	return "\nRequests that failed, which count in no other column:\n" + out.String() + "\n"
}

// cells returns three columns of the table.
func (p Percentiles) cells() string {
	return number(p.P50) + " | " + number(p.P95) + " | " + number(p.P99)
}

// number formats a value with three significant digits.
func number(v float64) string {
	switch {
	case v == 0:
		return "-"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// change formats the change from one value to another in percent.
func change(from, to float64) string {
	if from == 0 || to == 0 {
		return "-"
	}
	return fmt.Sprintf("%+.0f%%", (to/from-1)*100)
}
