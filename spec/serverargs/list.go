// Package serverargs knows the arguments of the model server, as its parser declares them,
// checks a user's and merges them with the program's.
package serverargs

import "strings"

// Argument is one flag and its values: none for a switch, several for a list.
type Argument struct {
	Flag   string // in full, such as --page-size
	Values []string
}

// List is a command line: each flag once, in order.
type List []Argument

// Ours reads a command line of the program's own, whose flags are in full and whose
// values do not begin with "--".
func Ours(words []string) List {
	var list List
	for _, word := range words {
		if strings.HasPrefix(word, "--") {
			list = append(list, Argument{Flag: word})
			continue
		}
		last := &list[len(list)-1]
		last.Values = append(last.Values, word)
	}
	return list
}

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

// Merge puts the users' values in the place of ours with the same flag, and what is new
// at the end.
func (l List) Merge(users List) List {
	var merged List
	for _, ours := range l {
		if i := users.index(ours.Flag); i >= 0 {
			ours = users[i]
		}
		merged = append(merged, ours)
	}
	for _, u := range users {
		if l.index(u.Flag) < 0 {
			merged = append(merged, u)
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
	for i, a := range l {
		if a.Flag == flag {
			return i
		}
	}
	return -1
}
