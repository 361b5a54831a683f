// Package names holds the names of resources in Google Cloud and Kubernetes, and the rules
// for the names that users choose.
package names

import (
	"fmt"
	"regexp"

	"sglang-tpu/spec/problem"
)

// Cloud contains the names of an environment's resources in Google Cloud. Each contains the
// stack's name, so that two environments can share a project.
type Cloud struct {
	Base       string // network, cluster
	NodeTag    string // network tag of every node
	Repository string
	Layers     string // repository of the layers that builds share
	Mirror     string // repository in front of Docker Hub
	Builder    string // Google service account, at most 30 characters
	Bucket     string // unique over all of Cloud Storage, at most 63 characters
}

// stackName leaves room for the longest suffix in the 30 characters of a service
// account's id.
var stackName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$`)

// ForStack returns the cloud names of a stack in a project. The error, a problem.Problem,
// explains why they cannot contain the stack's name.
func ForStack(stack, project string) (Cloud, error) {
	if !stackName.MatchString(stack) {
		return Cloud{}, problem.Problem{
			Why:    fmt.Sprintf("stack name %q cannot be part of Google Cloud names", stack),
			Remedy: "use at most 12 lower-case letters, digits and hyphens, beginning with a letter",
		}
	}
	base := "sglang-tpu-" + stack
	return Cloud{
		Base: base, NodeTag: base + "-node", Builder: base + "-build",
		Repository: base, Layers: base + "-layers", Mirror: base + "-mirror",
		Bucket: project + "-" + base + "-cache",
	}, nil
}
