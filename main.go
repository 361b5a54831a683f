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
		// Users have to correct their configuration, so each problem is a separate message.
		// If the error were returned, Pulumi would print all of it as "an unhandled error
		// occurred: program failed".
		for _, problem := range refused {
			if err := ctx.Log.Error(problem.Error(), nil); err != nil {
				return err
			}
		}
		os.Exit(constant.ExitStatusLoggedError)
		return nil
	})
	// The engine has carried out every step, and waits for this program to end.
	if err := endpoint.Await(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(constant.ExitStatusLoggedError)
	}
}
