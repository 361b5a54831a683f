package names

import (
	"slices"
	"strings"

	"sglang-tpu/spec/problem"
)

// Namespaces of a stack that does not share its cluster.
const (
	servingNamespace = "sglang"
	builderNamespace = servingNamespace + "-build"
)

// Namespaces are the Kubernetes namespaces of an endpoint.
type Namespaces struct{ Serving, Builder string }

// NamespacesFor returns the namespaces of a stack's endpoint. chosen is the namespace that
// the user set; it may be empty. In a shared cluster, each name contains the stack's name.
func NamespacesFor(stack, chosen string, shared bool) Namespaces {
	serving := servingNamespace
	switch {
	case chosen != "":
		serving = chosen
	case shared:
		serving += "-" + stack
	}
	return Namespaces{serving, serving + "-build"}
}

// namespaceLength leaves room for -build in the 63 characters of a namespace.
const namespaceLength = 57

// CheckNamespace returns why an endpoint cannot have the namespace; nil if it can. The error
// is a problem.Problem.
func CheckNamespace(name string) error {
	switch {
	case !objectName.MatchString(name) || len(name) > namespaceLength:
		return problem.Problem{Value: name, Why: "is not a valid namespace name", Remedy: "use at most 57 lower-case letters, digits and hyphens, beginning with a letter"}
	case strings.HasPrefix(name, "kube-") || strings.HasPrefix(name, "gke-") || strings.HasPrefix(name, "gmp-") || slices.Contains([]string{"default", "lws-system", builderNamespace}, name):
		return problem.Problem{Value: name, Why: "is used by others, but this program would create and delete it", Remedy: "use a namespace of the endpoint's own, such as team-a-coder"}
	}
	return nil
}
