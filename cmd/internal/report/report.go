// Package report prints what the checks of a command found, and what to do about it.
package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Status is how a check ended.
type Status string

// Failed is the only one that makes a command fail.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Unknown Status = "not asked" // the question could not be put, or got no answer
	Failed  Status = "FAILED"
)

// Finding is what one check found.
type Finding struct {
	Check  string
	Status Status
	Says   string // what was found, in one sentence
	Do     string // what to type or where to go; empty if nothing is to be done
}

// Print writes all findings as a table, and then what to do. It returns the exit code.
func Print(out io.Writer, findings []Finding) int {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	failed := 0
	for _, f := range findings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Status, f.Check, f.Says)
		if f.Status == Failed {
			failed++
		}
	}
	_ = table.Flush() // to standard output, or a test's text
	heading := "\nTo do:\n"
	for _, f := range findings {
		if f.Do == "" {
			continue
		}
		fmt.Fprintf(out, "%s  %s (%s)\n      %s\n", heading, f.Check, f.Status, f.Do)
		heading = ""
	}
	if failed > 0 {
		fmt.Fprintf(out, "\n%d of %d checks failed\n", failed, len(findings))
		return 1
	}
	fmt.Fprintf(out, "\nnone of %d checks failed\n", len(findings))
	return 0
}
