package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"sglang-tpu/emulator/internal/core/injection"
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

// latest leaves of each cell the result of the last time it was met, in the order in which cells were first tried.
func latest(all []result) []result {
	at := map[string]int{}
	var left []result
	for _, r := range all {
		key := r.Stack + " " + r.Resource + " " + r.Operation + " " + r.Effect
		i, again := at[key]
		switch {
		case !again:
			at[key] = len(left)
			left = append(left, r)
		case r.Met || !left[i].Met:
			left[i] = r
		}
	}
	return left
}

// rowName is the key of a row of the table.
func rowName(stack string, operation injection.Operation, effect injection.Effect) string {
	return stack + " | " + string(operation) + " | " + string(effect)
}

// table is the report of all that was recorded, in Markdown.
func table(all []result) []string {
	rows := map[string]*tally{}
	stacks := map[string]*tally{}
	total := map[string]int{}
	seeds, others := map[string]bool{}, map[string]bool{} // others are the remedies beside the next command alone
	var sum tally
	for _, r := range latest(all) {
		row := rowName(r.Stack, injection.Operation(r.Operation), injection.Effect(r.Effect))
		if rows[row] == nil {
			rows[row] = &tally{}
		}
		if stacks[r.Stack] == nil {
			stacks[r.Stack] = &tally{}
		}
		for _, t := range []*tally{rows[row], stacks[r.Stack], &sum} {
			t.count(r)
		}
		total[r.Stack] = r.Of
		seeds[fmt.Sprint(r.Seed)] = true
		if !r.Met {
			continue
		}
		last := []string{"pulumi up", "pulumi destroy"} // after End and after Other
		if r.Operation == string(injection.Delete) {
			slices.Reverse(last)
		}
		for i, way := range []remedy{r.End, r.Other} {
			if way != plain && way != never {
				others["`"+r.Effect+"` of "+r.Operation+": "+strings.ReplaceAll(string(way), string(plain), last[i])] = true
			}
		}
	}
	var parts, untried []string
	for _, stack := range slices.Sorted(maps.Keys(stacks)) {
		t := stacks[stack]
		parts = append(parts, fmt.Sprintf("%s has %d cells: %d were tried, %d not met, %d not tried", stack, total[stack], t.tried, t.missed, total[stack]-t.tried-t.missed))
		var none []string
		for _, operation := range operations {
			for _, effect := range effects {
				if exists(operation, effect) && rows[rowName(stack, operation, effect)] == nil {
					none = append(none, fmt.Sprintf("`%s` of %s", effect, operation))
				}
			}
		}
		if len(none) > 0 {
			untried = append(untried, fmt.Sprintf("Not tried on %s: %s.", stack, strings.Join(none, ", ")))
		}
	}
	lines := []string{
		fmt.Sprintf("%s. Seeds: %s. Of %d cells, %d converged by the next command alone, %d after `pulumi cancel`, %d after `pulumi import`, %d after a deletion by hand; %d are unexplained.",
			strings.Join(parts, "; "), strings.Join(slices.Sorted(maps.Keys(seeds)), ", "), sum.tried, sum.alone, sum.cancel, sum.imported, sum.removed, sum.unexplained), "",
		"| stack | operation | way | tried | next command alone | `pulumi cancel` | `pulumi import` | deleted by hand | unexplained | not met |", "|---|---|---|---|---|---|---|---|---|---|",
	}
	for _, stack := range slices.Sorted(maps.Keys(stacks)) {
		for _, operation := range operations {
			for _, effect := range effects {
				if t := rows[rowName(stack, operation, effect)]; t != nil {
					lines = append(lines, fmt.Sprintf("| %s | %s | `%s` | %d | %d | %d | %d | %d | %d | %d |", stack, operation, effect, t.tried, t.alone, t.cancel, t.imported, t.removed, t.unexplained, t.missed))
				}
			}
		}
	}
	lines = append(lines, "", "Not met: no request of Pulumi triggered the fault.")
	lines = append(lines, untried...)
	if len(others) > 0 {
		lines = append(lines, "For some cells, neither the next `pulumi up` nor a `pulumi destroy` in its place was enough alone, either from the state in the middle or after the last run. These commands were enough: "+strings.Join(slices.Sorted(maps.Keys(others)), "; ")+".")
	}
	return lines
}
