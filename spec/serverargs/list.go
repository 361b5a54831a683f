// Package serverargs knows the arguments that the model server's parser declares. It checks
// the user's arguments and merges them with the program's own.
package serverargs

import (
	"slices"
	"strings"

	"sglang-tpu/spec/problem"
)

// Argument is one flag and its values: none for a switch, several for a list.
type Argument struct {
	Flag   string // in full, such as --page-size
	Values []string
}

// Refused is a problem with a flag. why is the rest of a sentence that begins with the flag.
func Refused(flag, why, remedy string) problem.Problem {
	return problem.Problem{Entry: "[" + flag + "]", Why: flag + " " + why, Remedy: remedy}
}

// Refusals are problems with flags.
type Refusals struct{ problem.List }

// Refuse adds a problem with a flag if the condition holds, like Refused.
func (r *Refusals) Refuse(condition bool, flag, why, remedy string) {
	if condition {
		r.List = append(r.List, Refused(flag, why, remedy))
	}
}

// List is a command line: each flag once, in order.
type List []Argument

// Words returns the list as command-line arguments that the server's parser accepts.
func (l List) Words() []string {
	var words []string
	for _, a := range l {
		if len(a.Values) == 1 && needsEquals(a.Values[0]) {
			words = append(words, a.Flag+"="+a.Values[0])
			continue
		}
		words = append(append(words, a.Flag), a.Values...)
	}
	return words
}

// needsEquals reports whether a value is empty, or would be taken for a flag if it were a
// separate word.
func needsEquals(value string) bool {
	return value == "" || strings.HasPrefix(value, "-") && !LooksNegative(value)
}

// With returns the list with another flag at its end.
func (l List) With(flag string, values ...string) List {
	return append(slices.Clip(l), Argument{Flag: flag, Values: values})
}

// Merge returns the list with the arguments of another list: they replace those with the
// same flag, and new ones are added at the end.
func (l List) Merge(other List) List {
	merged := slices.Clone(l)
	for _, a := range other {
		if i := merged.index(a.Flag); i >= 0 {
			merged[i] = a
		} else {
			merged = append(merged, a)
		}
	}
	return merged
}

// Has reports whether a flag is given.
func (l List) Has(flag string) bool { return l.index(flag) >= 0 }

// Value returns the value of a flag; false if the flag is not given or does not have
// exactly one value.
func (l List) Value(flag string) (string, bool) {
	if values := l.Values(flag); len(values) == 1 {
		return values[0], true
	}
	return "", false
}

// Values returns the values of a flag; nil if it is not given.
func (l List) Values(flag string) []string {
	if i := l.index(flag); i >= 0 {
		return l[i].Values
	}
	return nil
}

func (l List) index(flag string) int {
	return slices.IndexFunc(l, func(a Argument) bool { return a.Flag == flag })
}
