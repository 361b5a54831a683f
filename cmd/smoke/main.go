// Command smoke checks whether a deployed stack serves: all ranks are ready, the Service has
// endpoints, and the model server answers requests correctly. It changes nothing. Run it in the
// checkout, with access to pulumi and the cluster: make smoke STACK=dev
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"sglang-tpu/cmd/internal/endpoint"
	"sglang-tpu/cmd/internal/report"
	"sglang-tpu/cmd/smoke/checks"
)

func main() { os.Exit(run()) }

func run() int {
	stack := flag.String("stack", "dev", "the `STACK` of pulumi")
	patience := flag.Duration("patience", time.Minute, "how long one request may take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "smoke-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "smoke:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	return report.Print(os.Stdout, checks.All(ctx, endpoint.Local{Dir: dir}, *stack, *patience))
}
