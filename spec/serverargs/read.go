package serverargs

import (
	"fmt"
	"slices"
	"strings"

	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/spelling"
)

// Reading is the result of parsing a user's arguments.
type Reading struct {
	Arguments List
	// Doubts are arguments that the parser in the table would reject, but another server's
	// parser may accept.
	Doubts problem.List
	// Err is a problem.List of the arguments that cannot work; nil if there are none.
	Err error
}

// Read parses words as the server's parser does: "--flag", "--flag value" in several
// entries, or "--flag=value". If other is true, the server may have a different parser than
// the table's: then only problems with arguments on which the program itself depends are
// errors, and all others are doubts. needed are the flags whose values it depends on.
func Read(words []string, other bool, needed ...string) Reading {
	r := &reading{words: words, other: other, needed: needed, seen: map[string]bool{}}
	for r.at < len(words) {
		r.next()
	}
	r.Err = r.refused.Err()
	return r.Reading
}

type reading struct {
	Reading
	words   []string
	at      int    // index of the next word
	entry   int    // index of the word that is read, a flag or a stray word
	flag    string // that is read; empty: not resolved yet
	other   bool
	needed  []string
	seen    map[string]bool
	refused problem.List
}

func (r *reading) refuse(why, remedy string) { r.refused = append(r.refused, r.problem(why, remedy)) }

func (r *reading) problem(why, remedy string) problem.Problem {
	return problem.Problem{Why: why, Remedy: remedy, Entry: fmt.Sprintf("[%d]", r.entry)}
}

// doubt reports a problem: as an error, or as a doubt if the server may have a different
// parser.
func (r *reading) doubt(why, remedy string) {
	if r.other && !slices.Contains(r.needed, r.flag) {
		r.Doubts = append(r.Doubts, r.problem(why, remedy))
		return
	}
	r.refuse(why, remedy)
}

// next reads the next word, and the values after it if it is a flag.
func (r *reading) next() {
	word := r.words[r.at]
	r.entry, r.flag = r.at, ""
	r.at++
	switch {
	case strings.TrimSpace(word) == "":
		r.refuse("an entry is empty", "remove it")
	case twoInOne(word):
		r.refuse(fmt.Sprintf("%q is a flag and its value in one entry", word), "write them as two entries")
	case !isFlag(word) && len(r.seen) == 0:
		r.refuse(fmt.Sprintf("%q comes before any flag", word), "begin with a flag such as --context-length")
	case !isFlag(word):
		r.refuse(fmt.Sprintf("%q belongs to no flag", word), "remove it")
	case word == "--":
		r.refuse(fmt.Sprintf("%q is not an argument of the server, which takes no positional arguments", word), "remove it")
	default:
		r.argument(word)
	}
}

// argument reads a flag and its values.
func (r *reading) argument(word string) {
	typed, inline, isInline := strings.Cut(word, "=")
	var values []string
	if isInline {
		values = append(values, inline)
	}
	for r.at < len(r.words) && !isFlag(r.words[r.at]) && strings.TrimSpace(r.words[r.at]) != "" && !twoInOne(r.words[r.at]) {
		values = append(values, r.words[r.at])
		r.at++
	}
	flag, option := r.resolve(typed)
	if flag == "" {
		return
	}
	name := flag // the same for all names of an option
	if option != nil {
		name = option.Names[0]
	}
	if r.seen[name] {
		r.refuse(fmt.Sprintf("%q is given twice", typed), "give it once")
		return
	}
	r.seen[name] = true
	if reason, ok := forbidden(flag); ok {
		r.refuse(fmt.Sprintf("%q cannot be set: %s", typed, reason.why), reason.remedy)
		return
	}
	r.flag = flag
	r.Arguments = append(r.Arguments, Argument{Flag: flag, Values: values})
	if option != nil && r.count(option, typed, values, isInline) {
		r.check(option, typed, values)
	}
}

// isFlag reports whether argparse takes a word for a flag, known or not. argparse takes a
// word with a space for a value, unless it begins with a known flag and "=".
func isFlag(word string) bool {
	if len(word) < 2 || word[0] != '-' || LooksNegative(word) {
		return false
	}
	name, _, _ := strings.Cut(word, "=")
	return !strings.Contains(word, " ") || Lookup(name) != nil || len(Abbreviated(name)) > 0
}

// twoInOne reports whether a word is a flag and its value, separated by a space.
func twoInOne(word string) bool {
	name, _, blank := strings.Cut(strings.NewReplacer("\t", " ", "\n", " ").Replace(word), " ")
	return blank && strings.HasPrefix(name, "--") && !strings.Contains(name, "=")
}

// resolve returns the option that a name stands for, and the name by which this program
// knows it. Abbreviations are rejected: argparse takes --nn for --nnodes, so an
// abbreviation could override the program's own argument unnoticed. If the flag is empty,
// the problem has been reported.
func (r *reading) resolve(typed string) (string, *Option) {
	if typed == "-h" || typed == "--help" {
		return "--help", nil
	}
	if o := Lookup(typed); o != nil {
		if o.Action == "BooleanOptional" {
			return typed, o
		}
		return o.Names[0], o
	}
	full := Abbreviated(typed)
	if len(full) == 0 {
		if _, ok := forbidden(typed); !ok {
			r.doubt(fmt.Sprintf("%q is not an argument of the server%s", typed, spelling.Suggestion(typed, names())), "docs/server-arguments.md says where the server's arguments are listed")
		}
		return typed, nil
	}
	why, remedy := fmt.Sprintf("%q is ambiguous: it could be %s", typed, some(full)), "write one of them in full"
	if len(full) == 1 {
		why, remedy = fmt.Sprintf("%q is an abbreviation of %s", typed, full[0]), "write it in full"
	}
	// Of a flag that the user may not set, it is an error even with a different parser.
	report := r.doubt
	for _, name := range full {
		if reason, ok := forbidden(Lookup(name).Names[0]); ok {
			report = r.refuse
			if len(full) == 1 {
				why, remedy = why+", which cannot be set: "+reason.why, reason.remedy
			}
		}
	}
	report(why, remedy)
	if r.other {
		return typed, nil
	}
	return "", nil
}

// some lists the first of many names.
func some(names []string) string {
	const most = 4
	if len(names) <= most {
		return strings.Join(names, " or ")
	}
	return fmt.Sprintf("%s or %d others", strings.Join(names[:most], ", "), len(names)-most)
}

// count reports a wrong number of values; it returns false if there are no values to check.
func (r *reading) count(o *Option, typed string, values []string, inline bool) bool {
	switch {
	case o.Switch() && len(values) > 0:
		r.doubt(fmt.Sprintf("%q takes no value, but has %q", typed, strings.Join(values, " ")), "remove the value")
	case inline && len(values) > 1:
		r.doubt(fmt.Sprintf("%q has the value %q after =, so %q belongs to no flag", typed, values[0], strings.Join(values[1:], " ")), "give each value an entry of its own")
	case len(values) == 0 && strings.ContainsAny(o.Values, "1+"):
		r.missing(o, typed)
	case len(values) > 1 && strings.ContainsAny(o.Values, "1?"):
		r.doubt(fmt.Sprintf("%s takes one value, but has %q", typed, values), "give only one value")
	default:
		return true
	}
	return false
}

// missing reports a value that is missing, or that looks like a flag.
func (r *reading) missing(o *Option, typed string) {
	if r.at < len(r.words) {
		next := r.words[r.at]
		if name, _, _ := strings.Cut(next, "="); strings.HasPrefix(next, "-") && Lookup(name) == nil && len(Abbreviated(name)) == 0 && !twoInOne(next) {
			r.at++
			r.doubt(fmt.Sprintf("%s has no value: the server takes %q for a flag", typed, next), fmt.Sprintf("write %q in one entry", typed+"="+next))
			return
		}
	}
	many := "one value"
	if o.Values == "+" {
		many = "one value or several"
	}
	r.doubt(fmt.Sprintf("%s takes %s", typed, many), "give it in the entry after the flag")
}

// check reports the values that have the wrong type or are not among the option's choices.
func (r *reading) check(o *Option, typed string, values []string) {
	for _, value := range values {
		switch {
		case !o.Is(value) && o.Type == "int":
			r.doubt(fmt.Sprintf("%s %q is not a whole number", typed, value), "use digits only")
		case !o.Is(value):
			example := "0.88"
			if _, ok := Float(o.Default); ok {
				example = o.Default
			}
			r.doubt(fmt.Sprintf("%s %q is not a number", typed, value), "use a number such as "+example)
		case !o.Allows(value):
			intended := ""
			if len(value) >= 4 { // a shorter one is similar to many choices
				intended = spelling.Suggestion(value, o.Choices)
			}
			r.doubt(fmt.Sprintf("%s %q is not one of its choices%s", typed, value, intended), fmt.Sprintf("use %s", strings.Join(o.Choices, ", ")))
		}
	}
}
