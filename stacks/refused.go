package stacks

import "strings"

// Refused is a configuration that cannot work. Nothing has been registered.
type Refused struct {
	Problems []string // all of them, each with key, value, reason and remedy
}

func (r *Refused) Error() string { return strings.Join(r.Problems, "\n") }
