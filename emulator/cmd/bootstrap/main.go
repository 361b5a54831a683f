// Command bootstrap builds the emulator, its tools and the Pulumi program in parallel. The
// emulator can build the tools itself, but only after it has been built.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/tools"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := bootstrap(ctx)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bootstrap: interrupted; run the same command again to continue")
		os.Exit(130)
	case err != nil:
		fmt.Fprintf(os.Stderr, "bootstrap: %v\n", err)
		os.Exit(1)
	}
}

// bootstrap builds everything. The working directory must be the folder emulator of a checkout.
func bootstrap(ctx context.Context) error {
	folder, err := os.Getwd()
	if err != nil {
		return err
	}
	checkout := filepath.Dir(folder)
	l := layout.Of(checkout)
	if err := os.MkdirAll(l.Root, 0o755); err != nil {
		return err
	}
	builds, err := tools.Program(ctx, l, checkout)
	if err != nil {
		return err
	}
	builds = append(builds, tools.Emulator(folder, filepath.Join(checkout, "bin", "emulator")))
	return tools.Ensure(ctx, l, filepath.Join(folder, "tools"), tools.Runtime, os.Stdout, builds...)
}
