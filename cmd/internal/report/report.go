// Package report prints the findings of a command's checks, with remedies.
package report

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
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

// Print prints all findings as a table, followed by the remedies, and returns the exit code. On a
// terminal, long findings are wrapped in their column.
func Print(out io.Writer, findings []Finding) int { return write(out, findings, columns(out)) }

// columns is the width of a terminal; 0 if out is none.
func columns(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

func write(out io.Writer, findings []Finding, width int) int {
	table := tabwriter.NewWriter(out, 0, 0, gap, ' ', 0)
	failed := 0
	status, check := 0, 0 // widths of the columns
	for _, f := range findings {
		status, check = max(status, len(f.Status)), max(check, len(f.Check))
	}
	for _, f := range findings {
		lines := wrap(f.Says, width-status-check-2*gap)
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Status, f.Check, lines[0])
		for _, line := range lines[1:] {
			fmt.Fprintf(table, "\t\t%s\n", line)
		}
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

// gap is the number of blanks between columns, and narrowest the width below which a column is
// not wrapped.
const (
	gap       = 2
	narrowest = 20
)

// wrap breaks a text into lines at its blanks. A word that is longer than a line stays whole.
func wrap(text string, width int) []string {
	if width < narrowest {
		return []string{text}
	}
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
