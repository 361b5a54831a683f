// Command sglang-tpu is a Pulumi program: one stack is one multi-host sglang-jax
// endpoint on TPU v7x.
package main

import (
	"errors"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/common/constant"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/stacks"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		err := stacks.Serving(ctx)
		var refused *stacks.Refused
		if !errors.As(err, &refused) {
			return err
		}
		// A configuration that cannot work is for its user to mend. Returned, it would be
		// "an unhandled error occurred: program failed", all in one.
		for _, problem := range refused.Problems {
			if err := ctx.Log.Error(problem, nil); err != nil {
				return err
			}
		}
		os.Exit(constant.ExitStatusLoggedError)
		return nil
	})
}
