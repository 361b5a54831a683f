package bench

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"sglang-tpu/emulator/internal/proof/page"
	"sglang-tpu/emulator/internal/sandbox"
)

// needed is how long an up takes at least: the program's start, the longest chain of steps, and the pods' own time.
func (f *figures) needed() time.Duration { return f.up.first() + f.up.path + f.pods }

// row is one figure with its goal.
type row struct {
	what  string
	value func(*figures) float64
	goal  float64 // 0: none
	why   string  // the goal is missed
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

var rows = []row{
	{"unchanged preview / preview of an empty program", func(f *figures) float64 { return ratio(f.unchanged, f.empty) }, 0, ""},
	{"first preview / preview of an empty program", func(f *figures) float64 { return ratio(f.first, f.empty) }, 0, ""},
	{"review of a tree that changes nothing / unchanged preview", func(f *figures) float64 { return ratio(f.review, f.unchanged) }, 0, ""},
	{
		"up / critical path", func(f *figures) float64 { return ratio(f.up.took, f.needed()) }, 1.05,
		"the Kubernetes provider starts after the system pool is created, and renders the chart after the namespace and the definitions are created, about a second each; and the API server, the providers and the program share two cores",
	},
	{
		"up / the same steps one after the other, by hand", func(f *figures) float64 { return ratio(f.up.took, f.up.first()+f.up.sum()+f.pods) }, 0.5,
		"in both cases, most of the time is one chain in which each part needs the previous one: cluster, system pool, controller, pods",
	},
	{
		"destroy / critical path", func(f *figures) float64 { return ratio(f.destroy.took, f.destroy.first()+f.destroy.path) }, 1.05,
		"the engine deletes in rounds, and each round starts after the slowest deletion of the previous one; and the providers start, on two cores",
	},
	{
		"destroy / the same steps one after the other", func(f *figures) float64 { return ratio(f.destroy.took, f.destroy.first()+f.destroy.sum()) }, 0.5,
		"in both cases, most of the time is one chain: the end of the pods, with the seconds in which clients learn of it and the server checks for requests; a namespace, with Kubernetes' five seconds; system pool; cluster",
	},
	{"start of the emulated cloud with the stack in it / up", func(f *figures) float64 { return ratio(f.start, f.up.took) }, 0, ""},
	{"preview's time per group, 64 groups / 4 groups", func(f *figures) float64 { return perGroup(f, slice.time) }, 1, "it is more"},
	{"preview's memory per group, 64 groups / 4 groups", func(f *figures) float64 { return perGroup(f, slice.mem) }, 1, "it is more"},
	{"plan's size per group, 64 groups / 4 groups", func(f *figures) float64 { return perGroup(f, slice.bytes) }, 1, "it is more"},
}

func (s slice) time() float64  { return s.took.Seconds() }
func (s slice) mem() float64   { return float64(s.memory) }
func (s slice) bytes() float64 { return float64(s.plan) }

// perGroup compares what a preview costs for each of 64 groups with what it costs for each of 4.
func perGroup(f *figures, of func(slice) float64) float64 {
	each := map[int]float64{}
	for _, s := range f.slices {
		if s.topology == "2x2x2" {
			each[s.replicas] = of(s) / float64(s.replicas)
		}
	}
	return each[64] / each[4]
}

// table is the report, in Markdown.
func table(head, base *figures, o options) []string {
	lines := []string{
		fmt.Sprintf("On %s, with other work at the same time; median of %d previews, and of %d ups and destroys. One minute of Google's time took %s.", machine(), o.runs, o.cycles, minute), "",
	}
	if base != nil {
		lines = append(lines, "| ratio | measured | "+o.base+" | goal |", "|---|---|---|---|")
	} else {
		lines = append(lines, "| ratio | measured | goal |", "|---|---|---|")
	}
	var missed []string
	for _, r := range rows {
		value := r.value(head)
		if value == 0 {
			continue // it was not measured
		}
		goal := ""
		if r.goal > 0 {
			goal = fmt.Sprintf("%.2f", r.goal)
			if value > r.goal+0.005 {
				missed = append(missed, "- "+r.what+": "+r.why+".")
			}
		}
		line := fmt.Sprintf("| %s | %.2f | ", r.what, value)
		if base != nil {
			if before := r.value(base); before > 0 {
				line += fmt.Sprintf("%.2f", before)
			}
			line += " | "
		}
		lines = append(lines, line+goal+" |")
	}
	if len(missed) > 0 {
		lines = append(append(lines, "", "Goals that were missed:", ""), missed...)
	}
	lines = append(lines, "", "| groups | topology | preview | memory of all its processes | plan |", "|---|---|---|---|---|")
	for _, s := range head.slices {
		lines = append(lines, fmt.Sprintf("| %d | %s | %.1f s | %d MiB | %d KiB |", s.replicas, s.topology, s.took.Seconds(), s.memory>>20, s.plan>>10))
	}
	lines = append(lines, "", fmt.Sprintf("The up took %.1f s: %.1f s until its first step, %.1f s on the critical path, %.1f s until the last pod was ready, and %.1f s more. The chain: %s.",
		head.up.took.Seconds(), head.up.first().Seconds(), head.up.path.Seconds(), head.pods.Seconds(), (head.up.took-head.needed()).Seconds(), sentence(head.up.chain)))
	lines = append(lines, "", fmt.Sprintf("The destroy took %.1f s: %.1f s until its first step, and %.1f s on the critical path: %s.",
		head.destroy.took.Seconds(), head.destroy.first().Seconds(), head.destroy.path.Seconds(), sentence(head.destroy.chain)))
	if base != nil {
		lines = append(lines, "", fmt.Sprintf("In the same run, the up of %s took %.1f s, and its destroy %.1f s.", o.base, base.up.took.Seconds(), base.destroy.took.Seconds()))
	}
	return lines
}

// sentence names the steps of a chain, with what passed between two of them.
func sentence(chain []step) string {
	var parts []string
	for i, s := range chain {
		text := fmt.Sprintf("`%s` %.1f s", s.urn.Name(), (s.end - s.begin).Seconds())
		if i > 0 && s.begin-chain[i-1].end > 300*time.Millisecond {
			text += fmt.Sprintf(" (begun after %.1f s)", (s.begin - chain[i-1].end).Seconds())
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
				model = strings.TrimSpace(value)
			}
		}
	}
	return fmt.Sprintf("%d cores of %s", runtime.NumCPU(), model)
}

// write puts the table and the plot into docs.
func write(s *sandbox.Sandbox, head *figures, lines []string, o options) error {
	revision, err := exec.Command("git", "-C", s.Checkout, "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.Checkout, "docs", "proof.svg"), []byte(plot(head)), 0o644); err != nil {
		return err
	}
	text := fmt.Sprintf("Measured at revision %s, stack %s. %s\n\n![Steps of an up](proof.svg)\n", strings.TrimSpace(string(revision)), o.stack, strings.Join(lines, "\n"))
	return page.Replace(filepath.Join(s.Checkout, "docs", "proof.md"), "bench", text)
}

// plot draws the steps of the up, and last the pods of the server, with the critical path in another colour.
func plot(f *figures) string {
	const width, row, left, top, right = 900, 9, 220, 24, 20
	const onPath, beside = "#c77700", "#7aa6d8"
	steps := f.up.ofResources()
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.begin, b.begin) })
	path := map[resource.URN]bool{}
	for _, s := range f.up.chain {
		path[s.urn] = true
	}
	scale := (width - left - right) / f.up.took.Seconds()
	height := top + row*(len(steps)+1) + 20
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="8">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	for i, of := range []struct{ colour, text string }{{onPath, "critical path"}, {beside, "beside it"}} {
		x := left + i*90
		fmt.Fprintf(&b, `<rect x="%d" y="8" width="8" height="8" fill="%s"/><text x="%d" y="15">%s</text>`+"\n", x, of.colour, x+12, of.text)
	}
	line := func(at time.Duration, colour, text string) {
		x := left + at.Seconds()*scale
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, top, x, height-14, colour, x, height-4, text)
	}
	for at := time.Duration(0); at < f.up.took-2*time.Second; at += 10 * time.Second {
		line(at, "#ddd", fmt.Sprintf("%.0f s", at.Seconds()))
	}
	line(f.up.took, "#888", "end")
	y := top
	bar := func(name string, begin, end time.Duration, colour string) {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, left-4, y+row-2, name)
		fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left+begin.Seconds()*scale, y+1, max((end-begin).Seconds()*scale, 1), row-2, colour)
		y += row
	}
	for _, s := range steps {
		colour := beside
		if path[s.urn] {
			colour = onPath
		}
		bar(s.urn.Name(), s.begin, s.end, colour)
	}
	bar("pods of the server", f.up.last(), f.up.last()+f.pods, onPath)
	b.WriteString("</svg>\n")
	return b.String()
}
