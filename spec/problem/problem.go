// Package problem defines the type of an error in a configuration. Problems are values, so
// that they can be collected, joined and given a line number without parsing text.
package problem

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one reason why a configuration cannot work, or why it may not do what the user
// expects.
type Problem struct {
	Key    string // configuration key with its path, such as sglang-tpu:capacity.mode; empty if it concerns no key
	Value  string // the configured value; empty: not shown, such as a secret's
	Why    string // why the value cannot work; the rest of a sentence that begins with Value
	Remedy string // what would work; empty if Why says it
	At     string // where the key stands, such as Pulumi.dev.yaml:7; empty: not known
	Entry  string // path below Key of the entry that the problem is about, such as [3] or [--flag], used to find At; empty: Key is the whole path, or the problem is about several entries
}

// Error is the whole problem in one line.
func (p Problem) Error() string {
	text := p.Why
	if p.Value != "" {
		text = fmt.Sprintf("%q %s", p.Value, text)
	}
	if p.Key != "" {
		text = "config " + p.Key + ": " + text
	}
	if p.At != "" {
		text = p.At + ": " + text
	}
	if p.Remedy != "" {
		text += "; " + p.Remedy
	}
	return text
}

// List is all problems of a configuration.
type List []Problem

// Error has one line for each problem.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, p := range l {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the list as an error; nil if it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Add appends a problem of a key.
func (l *List) Add(key, value, why, remedy string) {
	*l = append(*l, Problem{Key: key, Value: value, Why: why, Remedy: remedy})
}

// Of returns the problems in an error. Problems without a key get the key.
func Of(key string, err error) List {
	var list List
	var one Problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &list):
		list = slices.Clone(list)
	case errors.As(err, &one):
		list = List{one}
	default:
		list = List{{Why: err.Error()}}
	}
	for i := range list {
		list[i].Key = cmp.Or(list[i].Key, key)
	}
	return list
}
