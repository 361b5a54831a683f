package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// read returns the results of a file, in the order in which they were recorded.
func read(file string) ([]result, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []result
	for lines := json.NewDecoder(f); ; {
		var r result
		if err := lines.Decode(&r); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
}

// tally counts the cells of a row by what followed.
type tally struct {
	tried, alone, cancel, imported, removed, unexplained, missed int
}

func (t *tally) count(r result) {
	if !r.Met {
		t.missed++
		return
	}
	t.tried++
	switch {
	case !r.Explained:
		t.unexplained++
	case r.Remedy == removed:
		t.removed++
	case r.Remedy == imported:
		t.imported++
	case r.Cancel:
		t.cancel++
	default:
		t.alone++
	}
}

// table is the report of all that was recorded, in Markdown.
func table(all []result) []string {
	// A cell that was tried again counts as it went the last time.
	last := map[string]result{}
	var order []string
	total := map[string]int{}
	seeds := map[string]bool{}
	for _, r := range all {
		key := r.Stack + " " + r.Resource + " " + r.Operation + " " + r.Effect
		if before, again := last[key]; !again {
			order = append(order, key)
		} else if before.Met && !r.Met {
			continue
		}
		last[key] = r
		total[r.Stack] = r.Of
		seeds[fmt.Sprint(r.Seed)] = true
	}
	rows := map[string]*tally{}
	refreshed := map[string]bool{}
	var sum tally
	for _, key := range order {
		r := last[key]
		row := r.Operation + " | " + r.Effect
		if rows[row] == nil {
			rows[row] = &tally{}
		}
		rows[row].count(r)
		sum.count(r)
		for _, way := range []remedy{r.End, r.Other} {
			if r.Met && way != plain && way != never {
				refreshed["`"+r.Effect+"` of "+r.Operation+": "+string(way)] = true
			}
		}
	}
	var stacks, used, again []string
	cells := 0
	for stack, n := range total {
		stacks = append(stacks, fmt.Sprintf("%s has %d cells", stack, n))
		cells += n
	}
	for seed := range seeds {
		used = append(used, seed)
	}
	for what := range refreshed {
		again = append(again, what)
	}
	slices.Sort(stacks)
	slices.Sort(used)
	slices.Sort(again)
	lines := []string{
		fmt.Sprintf("%s. %d of %d were tried, with the seeds %s; %d converged by the next command alone, %d after `pulumi cancel`, %d after `pulumi import`, %d after a deletion by hand; %d are unexplained.",
			strings.Join(stacks, ", "), sum.tried, cells, strings.Join(used, ", "), sum.alone, sum.cancel, sum.imported, sum.removed, sum.unexplained), "",
		"| operation | way | tried | next command alone | `pulumi cancel` | `pulumi import` | deleted by hand | unexplained | not met |", "|---|---|---|---|---|---|---|---|---|",
	}
	for _, operation := range operations {
		for _, effect := range effects {
			name := string(operation) + " | " + string(effect)
			if t := rows[name]; t != nil {
				lines = append(lines, fmt.Sprintf("| %s | `%s` | %d | %d | %d | %d | %d | %d | %d |", operation, effect, t.tried, t.alone, t.cancel, t.imported, t.removed, t.unexplained, t.missed))
			}
		}
	}
	lines = append(lines, "", "Not met: no request of Pulumi came to the fault, because there was nothing to do for it.")
	if len(again) > 0 {
		lines = append(lines, "From the state in the middle of some, the next `pulumi up`, or `pulumi destroy` in its place, was not enough. What was: "+strings.Join(again, "; ")+".")
	}
	return lines
}
