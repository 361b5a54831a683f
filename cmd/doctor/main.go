// Command doctor asks whether a stack can be deployed: tools, login, project, billing,
// APIs, zone, quotas and roles. It changes nothing. Run it in the checkout:
// make doctor STACK=dev
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"text/tabwriter"

	"sglang-tpu/cmd/doctor/checks"
)

func main() {
	stack := flag.String("stack", "dev", "the environment, whose file is Pulumi.`STACK`.yaml")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(report(os.Stdout, checks.All(ctx, machine{}, load(".", *stack))))
}

// report prints all findings as a table, and then what to do. It returns the exit code.
func report(out io.Writer, findings []checks.Finding) int {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	failed := 0
	for _, f := range findings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Status, f.Check, f.Says)
		if f.Status == checks.Failed {
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
