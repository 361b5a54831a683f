// Command sglang-tpu is a Pulumi program: one stack is one multi-host sglang-jax
// endpoint on TPU v7x.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/common/constant"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/stacks"
)

func main() {
	var endpoint stacks.Endpoint
	pulumi.Run(func(ctx *pulumi.Context) error {
		err := endpoint.Serving(ctx)
		var refused stacks.Refused
		if !errors.As(err, &refused) {
			return err
		}
		// A configuration that cannot work is its user's to correct. Returned, it would be
		// "an unhandled error occurred: program failed", all in one.
		for _, problem := range refused {
			if err := ctx.Log.Error(problem.Error(), nil); err != nil {
				return err
			}
		}
		os.Exit(constant.ExitStatusLoggedError)
		return nil
	})
	// Every step has been carried out, and the engine waits for this program to end.
	if err := endpoint.Await(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(constant.ExitStatusLoggedError)
	}
}
