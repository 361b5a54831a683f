package serverargs

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
)

// table is what the server's own parser declares.
//
//go:embed server_arguments.tsv
var table string

// Commit of sglang-jax whose parser the table describes.
var Commit = regexp.MustCompile(`[0-9a-f]{40}`).FindString(table)

// Option is one argument of the server, in the terms of Python's argparse.
type Option struct {
	Names    []string // the first is the name that this program uses
	Action   string   // Store, StoreTrue, StoreFalse or BooleanOptional
	Values   string   // how many: 1, 0, ? (at most one), * (any) or + (at least one)
	Type     string   // int, float, str or nullable_str (None and the empty text mean no value); - means str
	Choices  []string // nil: any value of the type
	Default  string   // JSON; empty for a required one
	Required bool
}

// Options are all options of the server's parser except --help, in its order.
var Options = options(table)

func options(text string) []*Option {
	var all []*Option
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		field := strings.Split(line, "\t")
		o := &Option{Names: strings.Fields(field[0]), Action: field[1], Values: field[2], Type: field[3], Default: field[5]}
		if field[4] != "-" {
			o.Choices = strings.Split(field[4], "|")
		}
		if o.Default == "required" {
			o.Default, o.Required = "", true
		}
		all = append(all, o)
	}
	return all
}

// Lookup finds an option by one of its names in full; nil if there is none.
func Lookup(name string) *Option {
	for _, o := range Options {
		if slices.Contains(o.Names, name) {
			return o
		}
	}
	return nil
}

// Abbreviated returns the names that begin with name. argparse accepts an abbreviation of
// exactly one name, and rejects one of several names, even of the same option.
func Abbreviated(name string) []string {
	if !strings.HasPrefix(name, "--") {
		return nil
	}
	return slices.DeleteFunc(names(), func(full string) bool { return !strings.HasPrefix(full, name) })
}

// names of all options.
func names() []string {
	var all []string
	for _, o := range Options {
		all = append(all, o.Names...)
	}
	return all
}

// Switch reports whether the option takes no value.
func (o *Option) Switch() bool { return o.Values == "0" }

// Is reports whether Python can parse the value as the option's type.
func (o *Option) Is(value string) bool {
	ok := true
	switch o.Type {
	case "int":
		_, ok = Int(value)
	case "float":
		_, ok = Float(value)
	}
	return ok
}

// Allows reports whether a value of the option's type is one of its choices.
func (o *Option) Allows(value string) bool {
	if o.Choices == nil {
		return true
	}
	if o.Type == "int" {
		n, _ := Int(value)
		return slices.ContainsFunc(o.Choices, func(choice string) bool { c, _ := Int(choice); return c == n })
	}
	return slices.Contains(o.Choices, value)
}
