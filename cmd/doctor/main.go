// Command doctor checks whether a stack can be deployed: tools, login, project, billing, APIs,
// zone, quotas and roles. It changes nothing. Run it in the checkout: make doctor STACK=dev
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"

	"sglang-tpu/cmd/doctor/checks"
	"sglang-tpu/cmd/internal/report"
)

func main() {
	stack := flag.String("stack", "dev", "the environment, whose file is Pulumi.`STACK`.yaml")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(report.Print(os.Stdout, checks.All(ctx, machine{}, load(".", *stack))))
}
