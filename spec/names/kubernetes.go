package names

import (
	"fmt"
	"regexp"
	"strconv"

	"sglang-tpu/spec/problem"
)

// ServiceName is the Service in front of the leaders, as the tutorial calls it.
const ServiceName = "sglang-leader-tpu"

var objectName = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)

// setNameLength is the maximum length of a LeaderWorkerSet's name, together with the digits
// of its highest group: the controller adds to it for StatefulSets, whose pods carry a hash
// in a label of at most 63 characters (https://github.com/kubernetes-sigs/lws/issues/410).
const setNameLength = 51

// CheckSet returns why a LeaderWorkerSet with this number of replicas cannot have the name;
// nil if it can. The error is a problem.Problem.
func CheckSet(name string, replicas int) error {
	most := setNameLength - len(strconv.Itoa(max(replicas-1, 0)))
	switch {
	case len(name) > most:
		return problem.Problem{
			Value: name, Why: fmt.Sprintf("has %d characters, and the names that the controller derives from it would be too long", len(name)),
			Remedy: fmt.Sprintf("use at most %d", most),
		}
	case !objectName.MatchString(name):
		return problem.Problem{Value: name, Why: "is not a valid Kubernetes name", Remedy: "use lower-case letters, digits and hyphens, beginning with a letter"}
	case name == ServiceName:
		return problem.Problem{Value: name, Why: "is the name of the leaders' Service, and the controller creates a Service with the name of the LeaderWorkerSet", Remedy: "use another name"}
	}
	return nil
}
