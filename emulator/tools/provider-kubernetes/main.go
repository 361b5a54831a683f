// Command provider-kubernetes is Pulumi's Kubernetes provider, built from its module.
// The schema that the release embeds serves code generation only and is left out.
package main

import (
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

func main() {
	provider.Serve("kubernetes", version.Version, []byte("{}"), []byte("{}"))
}
