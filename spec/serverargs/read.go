package serverargs

import (
	"fmt"
	"strings"

	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/spelling"
)

// Reading is what became of a user's words.
type Reading struct {
	Arguments List
	// Doubts are what the parser that the table describes would refuse, and another might
	// not.
	Doubts problem.List
	// Err is a problem.List of what cannot work; nil if there is none.
	Err error
}

// Read reads words as the server's parser does: "--flag", "--flag value" in several
// entries, or "--flag=value". With another parser than the table's, only what the program
// itself depends on is refused, and the rest are doubts.
func Read(words []string, other bool) Reading {
	r := &reading{words: words, other: other, seen: map[string]bool{}}
	for r.at < len(words) {
		r.next()
	}
	return Reading{r.list, r.doubts, r.refused.Err()}
}

type reading struct {
	words []string
	at    int // index of the next word
	entry int // index of the word that is read, a flag or a stray word
	other bool
	seen  map[string]bool
	list  List

	doubts, refused problem.List
}

func (r *reading) refuse(why, remedy string) { r.refused = append(r.refused, r.problem(why, remedy)) }

func (r *reading) problem(why, remedy string) problem.Problem {
	return problem.Problem{Why: why, Remedy: remedy, Entry: fmt.Sprintf("[%d]", r.entry)}
}

// doubt is refused unless another parser may see it otherwise.
func (r *reading) doubt(why, remedy string) {
	if r.other {
		r.doubts = append(r.doubts, r.problem(why, remedy))
		return
	}
	r.refuse(why, remedy)
}

// next reads a flag and its values.
func (r *reading) next() {
	word := r.words[r.at]
	r.entry = r.at
	r.at++
	switch {
	case strings.TrimSpace(word) == "":
		r.refuse("an entry is empty", "remove it")
		return
	case !isFlag(word) || twoInOne(word):
		r.stray(word)
		return
	case word == "--":
		r.refuse(fmt.Sprintf("%q is not an argument of the server, which has none without a flag", word), "remove it")
		return
	}
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
	if r.seen[option.key(flag)] {
		r.refuse(fmt.Sprintf("%q is given twice", typed), "give it once")
		return
	}
	r.seen[option.key(flag)] = true
	if reason, ok := forbidden(flag); ok {
		r.refuse(fmt.Sprintf("%q cannot be set: %s", typed, reason.why), reason.remedy)
		return
	}
	r.list = append(r.list, Argument{Flag: flag, Values: values})
	if option == nil {
		return
	}
	if r.count(option, typed, values, isInline) {
		r.check(option, typed, values)
	}
}

// stray is a word that belongs to no flag.
func (r *reading) stray(word string) {
	if twoInOne(word) {
		r.refuse(fmt.Sprintf("%q is a flag and its value in one entry", word), "write them as two entries")
		return
	}
	if len(r.seen) == 0 {
		r.refuse(fmt.Sprintf("%q comes before any flag", word), "begin with a flag such as --context-length")
		return
	}
	r.refuse(fmt.Sprintf("%q belongs to no flag", word), "remove it")
}

// key is the same for all names of an option.
func (o *Option) key(flag string) string {
	if o == nil {
		return flag
	}
	return o.Names[0]
}

// isFlag reports a word that argparse takes for a flag, known or not. One with a blank in
// it is a value to argparse, but for a known flag before "=".
func isFlag(word string) bool {
	if len(word) < 2 || word[0] != '-' || LooksNegative(word) {
		return false
	}
	name, _, _ := strings.Cut(word, "=")
	return !strings.Contains(word, " ") || Lookup(name) != nil || len(Abbreviated(name)) > 0
}

// twoInOne reports a flag that has its value in the same entry, after a blank.
func twoInOne(word string) bool {
	name, _, blank := strings.Cut(strings.NewReplacer("\t", " ", "\n", " ").Replace(word), " ")
	return blank && strings.HasPrefix(name, "--") && !strings.Contains(name, "=")
}

// resolve finds the option that a name stands for, and how this program calls it. An
// abbreviation is refused: argparse takes --nn for --nnodes, so one could contradict
// unseen. Without a flag there is nothing more to say.
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
	switch {
	case len(full) == 0:
		if _, ok := forbidden(typed); !ok {
			r.doubt(fmt.Sprintf("%q is not an argument of the server%s", typed, spelling.Suggestion(typed, names())), "docs/server-arguments.md says where they are listed")
		}
		return typed, nil
	case len(full) == 1:
		why, remedy := fmt.Sprintf("%q is an abbreviation of %s", typed, full[0]), "write it in full"
		if reason, ok := forbidden(Lookup(full[0]).Names[0]); ok {
			why, remedy = why+", which cannot be set: "+reason.why, reason.remedy
		}
		r.abbreviation(full, why, remedy)
	default:
		r.abbreviation(full, fmt.Sprintf("%q could be %s", typed, some(full)), "write one of them in full")
	}
	if r.other {
		return typed, nil
	}
	return "", nil
}

// abbreviation is refused even of another parser where it may stand for what is not the
// user's.
func (r *reading) abbreviation(full []string, why, remedy string) {
	for _, name := range full {
		if _, ok := forbidden(Lookup(name).Names[0]); ok {
			r.refuse(why, remedy)
			return
		}
	}
	r.doubt(why, remedy)
}

// some of many names.
func some(names []string) string {
	const most = 4
	if len(names) <= most {
		return strings.Join(names, " or ")
	}
	return fmt.Sprintf("%s or %d others", strings.Join(names[:most], ", "), len(names)-most)
}

// count says what is wrong with the number of values; false if there are none to check.
func (r *reading) count(o *Option, typed string, values []string, inline bool) bool {
	switch {
	case o.Switch() && len(values) > 0:
		r.doubt(fmt.Sprintf("%q takes no value, and has %q", typed, strings.Join(values, " ")), "remove the value")
		return false
	case inline && len(values) > 1:
		r.doubt(fmt.Sprintf("%q has %q after =, so that the server has no flag for %q", typed, values[0], strings.Join(values[1:], " ")), "give each value an entry of its own")
		return false
	case len(values) == 0 && strings.ContainsAny(o.Values, "1+"):
		r.missing(o, typed)
		return false
	case len(values) > 1 && strings.ContainsAny(o.Values, "1?"):
		r.doubt(fmt.Sprintf("%s takes one value, and has %q", typed, values), "remove what is too many")
		return false
	}
	return true
}

// missing is a value that is not there, or that looks like a flag.
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

// check says which values are not of the option's type, or not among its choices.
func (r *reading) check(o *Option, typed string, values []string) {
	for _, value := range values {
		switch {
		case !o.Is(value) && o.Type == "int":
			r.doubt(fmt.Sprintf("%s %q is not a whole number", typed, value), "use digits only")
		case !o.Is(value):
			r.doubt(fmt.Sprintf("%s %q is not a number", typed, value), fmt.Sprintf("use one such as %s", o.example()))
		case !o.Allows(value):
			r.doubt(fmt.Sprintf("%s %q is not one of its choices%s", typed, value, o.suggestion(value)), fmt.Sprintf("use %s", strings.Join(o.Choices, ", ")))
		}
	}
}

// suggestion is the choice that was probably intended; none for the shortest values, which
// are near to any.
func (o *Option) suggestion(value string) string {
	if len(value) < 4 {
		return ""
	}
	return spelling.Suggestion(value, o.Choices)
}

// example is a number that the option could have.
func (o *Option) example() string {
	if _, ok := Float(o.Default); ok {
		return o.Default
	}
	return "0.88"
}
