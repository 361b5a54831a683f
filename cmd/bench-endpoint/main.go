// Command bench-endpoint measures the endpoint of a deployed stack: tokens per second, the time
// to the first token and the time per output token, at several concurrency levels. It saves
// each run in a folder and compares it with the last. Run it in the checkout, with access to
// pulumi and the cluster: make bench-endpoint STACK=dev
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sglang-tpu/cmd/bench-endpoint/bench"
	"sglang-tpu/cmd/internal/endpoint"
	"sglang-tpu/cmd/internal/report"
)

func main() { os.Exit(run()) }

func run() int {
	o, err := options(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-endpoint:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-endpoint:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	progress := func(text string) { fmt.Fprintln(os.Stderr, "bench-endpoint:", text) }
	return report.Print(os.Stdout, bench.Measure(ctx, endpoint.Local{Dir: dir}, o, progress))
}

// options parses the command line.
func options(args []string) (bench.Options, error) {
	now := time.Now()
	o := bench.Options{Now: now, Load: bench.Load{Seed: uint64(now.UnixNano())}}
	flags := flag.NewFlagSet("bench-endpoint", flag.ContinueOnError)
	flags.StringVar(&o.StackName, "stack", "dev", "the `STACK` of pulumi")
	levels := flags.String("concurrency", "1,4,16,64", "requests at once, one `NUMBER` for each level")
	flags.IntVar(&o.Load.Rounds, "rounds", 4, "requests that each client of a level sends, one after another")
	flags.IntVar(&o.Load.InputTokens, "input", 512, "`TOKENS` of each request")
	flags.IntVar(&o.Load.OutputTokens, "output", 128, "`TOKENS` of each answer")
	flags.DurationVar(&o.Patience, "patience", 5*time.Minute, "how long one request may take")
	flags.StringVar(&o.URL, "url", "", "the `URL` of the server, where it can be reached without a port-forward")
	flags.StringVar(&o.Folder, "folder", "", "the `FOLDER` in which runs are kept (default bench/STACK)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	for word := range strings.SplitSeq(*levels, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			return o, fmt.Errorf("-concurrency %s: %q is not a valid number of requests; use numbers from 1, separated by commas, such as 1,8,64", *levels, word)
		}
		o.Levels = append(o.Levels, n)
	}
	slices.Sort(o.Levels)
	o.Levels = slices.Compact(o.Levels)
	for name, n := range map[string]int{"rounds": o.Load.Rounds, "input": o.Load.InputTokens, "output": o.Load.OutputTokens} {
		if n < 1 {
			return o, fmt.Errorf("-%s %d: use at least 1", name, n)
		}
	}
	if o.Folder == "" {
		o.Folder = filepath.Join("bench", o.StackName)
	}
	return o, nil
}
