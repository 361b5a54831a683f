// Package report prints the findings of a command's checks, with remedies.
package report

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Status is the result of a check.
type Status string

// The statuses. Only Failed makes a command fail.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Unknown Status = "not asked" // the check was skipped or has no result
	Failed  Status = "FAILED"
)

// Finding is a result of a check.
type Finding struct {
	Check  string
	Status Status
	Says   string // what was found, in one sentence
	Do     string // the remedy; empty if none is needed
}

// Print prints all findings as a table, followed by the remedies, and returns the exit code.
func Print(out io.Writer, findings []Finding) int {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	failed := 0
	for _, f := range findings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Status, f.Check, f.Says)
		if f.Status == Failed {
			failed++
		}
	}
	_ = table.Flush() // ignore errors of standard output
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
