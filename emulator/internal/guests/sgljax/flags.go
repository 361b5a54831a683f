package sgljax

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	declared "sglang-tpu/spec/serverargs"
)

// arguments maps each name of a flag to its parsed value: "true" or "false" for a switch, a
// normalized number, and the values of a list separated by spaces.
type arguments map[string]string

// errHelp is returned for --help, which is not an error.
var errHelp = errors.New("help")

// help is the option that argparse adds to every parser.
var help = &declared.Option{Names: []string{"-h", "--help"}, Action: "Help", Values: "0"}

// parse parses arguments like Python's argparse with the server's parser, and returns its
// errors. Source: Lib/argparse.py of Python 3.12, the version in the image.
func parse(args []string) (arguments, error) {
	p := &parser{args: args, parsed: arguments{}}
	for p.at < len(args) {
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	for _, o := range declared.Options {
		if _, given := p.parsed[o.Names[0]]; o.Required && !given {
			return nil, fmt.Errorf("the following arguments are required: %s", strings.Join(o.Names, "/"))
		}
	}
	if len(p.unknown) > 0 {
		return nil, fmt.Errorf("unrecognized arguments: %s", strings.Join(p.unknown, " "))
	}
	return p.parsed, nil
}

type parser struct {
	args    []string
	at      int
	parsed  arguments
	unknown []string
	ended   bool // after "--" there are no options
}

// next consumes an option and its values, or an unknown word.
func (p *parser) next() error {
	word := p.args[p.at]
	p.at++
	if word == "--" {
		p.ended = true
	}
	if p.ended || isValue(word) {
		p.unknown = append(p.unknown, word)
		return nil
	}
	name, inline, explicit := strings.Cut(word, "=")
	option, name, err := find(word, name)
	if err != nil {
		return err
	}
	if option == nil {
		p.unknown = append(p.unknown, word)
		return nil
	}
	if explicit {
		if option.Switch() {
			return wrong(option, "ignored explicit argument %s", repr(inline))
		}
		return p.take(option, name, []string{inline})
	}
	count, err := p.count(option)
	if err != nil {
		return err
	}
	values := p.args[p.at : p.at+count]
	p.at += count
	return p.take(option, name, values)
}

// count returns how many of the following words are values of the option.
func (p *parser) count(o *declared.Option) (int, error) {
	there := 0
	for _, word := range p.args[p.at:] {
		if word == "--" || !isValue(word) {
			break
		}
		there++
	}
	switch o.Values {
	case "0":
		return 0, nil
	case "1":
		if there == 0 {
			return 0, wrong(o, "expected one argument")
		}
		return 1, nil
	case "?":
		return min(there, 1), nil
	case "+":
		if there == 0 {
			return 0, wrong(o, "expected at least one argument")
		}
	}
	return there, nil
}

// take converts and stores an option's values.
func (p *parser) take(o *declared.Option, name string, values []string) error {
	if o == help {
		return errHelp
	}
	kept := make([]string, len(values))
	for i, value := range values {
		if !o.Is(value) {
			return wrong(o, "invalid %s value: %s", o.Type, repr(value))
		}
		kept[i] = value
		if n, ok := declared.Int(value); ok && o.Type == "int" {
			kept[i] = strconv.Itoa(n)
		}
	}
	for i, value := range values {
		if o.Allows(value) {
			continue
		}
		said := repr(value)
		if o.Type == "int" {
			said = kept[i]
		}
		// Without quotes from 3.12.8 on (python/cpython issue 86357).
		return wrong(o, "invalid choice: %s (choose from %s)", said, strings.Join(o.Choices, ", "))
	}
	text := strings.Join(kept, " ")
	if o.Switch() {
		text = strconv.FormatBool(!strings.HasPrefix(name, "--no-"))
	}
	for _, each := range o.Names {
		p.parsed[each] = text
	}
	return nil
}

func wrong(o *declared.Option, format string, values ...any) error {
	return fmt.Errorf("argument %s: %s", strings.Join(o.Names, "/"), fmt.Sprintf(format, values...))
}

// isValue reports whether argparse treats a word as a value, not as a known or unknown option.
func isValue(word string) bool {
	if len(word) < 2 || word[0] != '-' {
		return true
	}
	name, _, _ := strings.Cut(word, "=")
	if option, _, err := find(word, name); option != nil || err != nil {
		return false
	}
	return declared.LooksNegative(word) || strings.Contains(word, " ")
}

// find returns the option whose name, or a unique abbreviation of it, is a word, and the full
// name.
func find(word, name string) (*declared.Option, string, error) {
	for _, o := range append([]*declared.Option{help}, declared.Options...) {
		for _, full := range o.Names {
			if full == word || full == name {
				return o, full, nil
			}
		}
	}
	if !strings.HasPrefix(word, "--") {
		return nil, "", nil
	}
	matches := declared.Abbreviated(name)
	if strings.HasPrefix("--help", name) {
		matches = append([]string{"--help"}, matches...)
	}
	switch {
	case len(matches) == 0:
		return nil, "", nil
	case len(matches) > 1:
		return nil, "", fmt.Errorf("ambiguous option: %s could match %s", word, strings.Join(matches, ", "))
	case matches[0] == "--help":
		return help, matches[0], nil
	}
	return declared.Lookup(matches[0]), matches[0], nil
}

// repr formats a text like Python's repr.
func repr(text string) string {
	quote := "'"
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		quote = `"`
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case string(r) == quote || r == '\\':
			b.WriteString(`\` + string(r))
		case !strconv.IsPrint(r):
			b.WriteString(strings.Trim(strconv.QuoteToASCII(string(r)), `"`))
		default:
			b.WriteRune(r)
		}
	}
	return quote + b.String() + quote
}

// number returns the value of a flag as an integer, or a default.
func (a arguments) number(name string, otherwise int) int {
	n, err := strconv.Atoi(a[name])
	if err != nil {
		return otherwise
	}
	return n
}
