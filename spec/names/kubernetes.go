package names

import (
	"fmt"
	"regexp"
	"strconv"
)

// ServiceName is the Service in front of the leaders, as the tutorial calls it.
const ServiceName = "sglang-leader-tpu"

var objectName = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)

// setNameLength is how long a LeaderWorkerSet's name may be, less the digits of its
// highest group: the controller adds to it for StatefulSets, whose pods carry a hash in
// a label of at most 63 characters (https://github.com/kubernetes-sigs/lws/issues/410).
const setNameLength = 51

// CheckSet says why a LeaderWorkerSet of so many replicas cannot have a name; nil if it
// can. The error begins with the name.
func CheckSet(name string, replicas int) error {
	most := setNameLength - len(strconv.Itoa(max(replicas-1, 0)))
	switch {
	case len(name) > most:
		return fmt.Errorf("%q has %d characters, and what the controller makes from it would be too long; use at most %d", name, len(name), most)
	case !objectName.MatchString(name):
		return fmt.Errorf("%q is not a name that Kubernetes takes; use lower-case letters, digits and hyphens, beginning with a letter", name)
	case name == ServiceName:
		return fmt.Errorf("%q is the name of the Service in front of the leaders, and the controller makes one of its set's own name; use another", name)
	}
	return nil
}
