package names

import (
	"slices"
	"strings"

	"sglang-tpu/spec/problem"
)

// Namespaces of a stack that has a cluster to itself.
const (
	servingNamespace = "sglang"
	builderNamespace = "sglang-build"
)

// Namespaces are the Kubernetes namespaces of an endpoint.
type Namespaces struct{ Serving, Builder string }

// NamespacesFor returns the namespaces of a stack's endpoint. chosen is the user's; empty:
// none. In a cluster that is shared each carries the stack's name.
func NamespacesFor(stack, chosen string, shared bool) Namespaces {
	n := Namespaces{servingNamespace, builderNamespace}
	switch {
	case chosen != "":
		n = Namespaces{chosen, chosen + "-build"}
	case shared:
		n = Namespaces{servingNamespace + "-" + stack, servingNamespace + "-" + stack + "-build"}
	}
	return n
}

// namespaceLength leaves room for -build in the 63 characters of a namespace.
const namespaceLength = 57

// CheckNamespace says why a namespace cannot be an endpoint's; nil if it can. The error is a
// problem.Problem.
func CheckNamespace(name string) error {
	switch {
	case !objectName.MatchString(name) || len(name) > namespaceLength:
		return problem.Problem{Value: name, Why: "is not a namespace's name", Remedy: "use at most 57 lower-case letters, digits and hyphens, beginning with a letter"}
	case strings.HasPrefix(name, "kube-") || strings.HasPrefix(name, "gke-") || strings.HasPrefix(name, "gmp-") || slices.Contains([]string{"default", "lws-system", builderNamespace}, name):
		return problem.Problem{Value: name, Why: "belongs to others, and the program would make it and delete it", Remedy: "use a namespace of the endpoint's own, such as team-a-coder"}
	}
	return nil
}
