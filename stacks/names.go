package stacks

import (
	"fmt"
	"regexp"
)

// names are the cloud names of one environment. Each carries the stack's name, so that
// two environments can share a project.
type names struct {
	base       string // network, cluster
	nodeTag    string // network tag of every node
	repository string
	layers     string // repository of the layers that builds have in common
	mirror     string // repository in front of Docker Hub
	builder    string // Google service account, at most 30 characters
	bucket     string // of which there is one name in the world, at most 63 characters
}

// stackName leaves room for the longest suffix in the 30 characters of a service
// account's id.
var stackName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$`)

func namesFor(stack, project string) (names, error) {
	if !stackName.MatchString(stack) {
		return names{}, fmt.Errorf("stack name %q cannot be part of Google Cloud names; use at most 12 lower-case letters, digits and hyphens, beginning with a letter", stack)
	}
	base := "sglang-tpu-" + stack
	return names{
		base: base, nodeTag: base + "-node", builder: base + "-build",
		repository: base, layers: base + "-layers", mirror: base + "-mirror",
		bucket: project + "-" + base + "-cache",
	}, nil
}
