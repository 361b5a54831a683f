// Package serverargs has the arguments that the model server's parser declares. It checks
// the user's arguments and merges them with the program's own.
package serverargs

import (
	"slices"
	"strings"
)

// Argument is one flag and its values: none for a switch, several for a list.
type Argument struct {
	Flag   string // in full, such as --page-size
	Values []string
}

// List is a command line: each flag once, in order.
type List []Argument

// Words are what the server's parser reads back as this list.
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

// needsEquals reports a value that as a word of its own would be taken for a flag, or is
// nothing.
func needsEquals(value string) bool {
	return value == "" || strings.HasPrefix(value, "-") && !LooksNegative(value)
}

// With returns the list with another flag at its end.
func (l List) With(flag string, values ...string) List {
	return append(slices.Clip(l), Argument{Flag: flag, Values: values})
}

// Merge returns the list with the arguments of another: they take the place of those with
// the same flag, and new ones follow at the end.
func (l List) Merge(other List) List {
	var merged List
	for _, a := range l {
		if i := other.index(a.Flag); i >= 0 {
			a = other[i]
		}
		merged = append(merged, a)
	}
	for _, a := range other {
		if l.index(a.Flag) < 0 {
			merged = append(merged, a)
		}
	}
	return merged
}

// Has reports whether a flag is given.
func (l List) Has(flag string) bool { return l.index(flag) >= 0 }

// Value is the one value of a flag; false if it is not given or has not one.
func (l List) Value(flag string) (string, bool) {
	if values := l.Values(flag); len(values) == 1 {
		return values[0], true
	}
	return "", false
}

// Values of a flag; nil if it is not given.
func (l List) Values(flag string) []string {
	if i := l.index(flag); i >= 0 {
		return l[i].Values
	}
	return nil
}

func (l List) index(flag string) int {
	return slices.IndexFunc(l, func(a Argument) bool { return a.Flag == flag })
}
