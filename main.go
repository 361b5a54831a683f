// Command sglang-tpu is a Pulumi program: one stack is one multi-host sglang-jax
// endpoint on TPU v7x.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/stacks"
)

func main() {
	pulumi.Run(stacks.Serving)
}
