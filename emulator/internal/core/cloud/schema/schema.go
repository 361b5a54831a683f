// Package schema holds what the gcp provider 8.41.1 declares of each property of the
// resource types that the program uses: what is required, what Google fills in, whether
// a change of it replaces the resource, its default, and what it conflicts with.
//
// The folder types has one file for each resource type. Its first line is the type
// token. Each line after it is one property: its name, its kind, and what else is so,
// separated by spaces. The properties of an object, or of the elements of a list or a
// set, follow with one more tab.
//
//	required       has to be set; without this word it may be left out
//	computed       Google fills it in when it is left out, and that is no change
//	output         only Google sets it
//	replaces       another value makes another resource
//	secret         its value is a secret
//	default=V      its value when it is left out
//	conflicts=A,B  paths, from the top, of properties that must not be set with it
//
// To write the files again for another version of the provider, write a program that
// imports github.com/pulumi/pulumi-gcp/provider/v8 of that version, goes through
// Provider().P.ResourcesMap() with the names in Provider().Resources, and prints for
// each property, separated by tabs: the type token, the path in Pulumi's names
// (TerraformToPulumiNameV2 of the bridge; a block of which there is at most one is an
// object, [*] stands for the elements of a list or a set), the kind (Bool, Int, Float,
// String, List, Set, Map or Object), the flags (required, optional, computed, replaces
// for ForceNew, secret, default=VALUE, separated by commas), and ConflictsWith,
// separated by spaces. Then, in the folder emulator:
//
//	go run ./internal/core/cloud/schema/generate DUMP internal/core/cloud/schema/types [TYPE...]
//
// writes the types that have a file, and those that are named, again.
//
// The folder functions has what lookups answer with, in the same form: go run
// ./internal/functions writes it, in the folder above.
package schema

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// The kinds of properties.
const (
	Bool   = "bool"
	Int    = "int"
	Float  = "float"
	String = "string"
	List   = "list"
	Set    = "set" // the order of its elements has no meaning
	Map    = "map" // keys are the program's
	Object = "object"
)

// Property is one property of a resource type, or of an object in it.
type Property struct {
	Name     string
	Kind     string
	Required bool
	Computed bool
	Output   bool
	ForceNew bool
	Secret   bool
	Default  any      // nil: there is none; numbers are float64
	Conflict []string // paths from the top of the resource

	// Inside are the properties of an object, or of the elements of a list or a set; nil
	// for elements that are plain values.
	Inside []*Property
}

// Find returns a property of a level by its name, or nil.
func Find(level []*Property, name string) *Property {
	for _, p := range level {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// At follows a path such as cleanupPolicies[*].condition.tagState; nil if there is
// nothing at its end. Below a map everything is the map itself.
func At(level []*Property, path string) *Property {
	var p *Property
	for name := range strings.SplitSeq(strings.ReplaceAll(path, "[*]", ""), ".") {
		if p != nil && p.Kind == Map {
			return p
		}
		if p = Find(level, name); p == nil {
			return nil
		}
		level = p.Inside
	}
	return p
}

//go:embed types/*.txt functions/*.txt
var files embed.FS

var (
	types     = mustParse("types/*.txt")
	functions = mustParse("functions/*.txt")
)

// Function returns the properties that a function of the provider answers with, by its
// token; nil for one that is not here.
func Function(token string) []*Property { return functions[token] }

// Of returns the properties of a type, by its token; nil for a type that is not here.
func Of(typ string) []*Property { return types[typ] }

// Types are the tokens of those that are here.
func Types() []string {
	var all []string
	for typ := range types {
		all = append(all, typ)
	}
	return all
}

func mustParse(pattern string) map[string][]*Property {
	all := map[string][]*Property{}
	names, err := fs.Glob(files, pattern)
	for _, name := range names {
		text, _ := files.ReadFile(name)
		typ, properties, parseErr := Parse(string(text))
		if parseErr != nil {
			err = fmt.Errorf("%s: %w", name, parseErr)
		}
		all[typ] = properties
	}
	if err != nil {
		panic(err) // the files are part of the binary, and a test reads them
	}
	return all
}

// Parse reads the file of one type.
func Parse(text string) (typ string, properties []*Property, err error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	open := []*[]*Property{&properties} // the levels that a line may be on
	for i, line := range lines[1:] {
		depth := len(line) - len(strings.TrimLeft(line, "\t"))
		p, err := parseLine(line)
		if err == nil && depth >= len(open) {
			err = fmt.Errorf("%q is inside of nothing", line)
		}
		if err != nil {
			return "", nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		open = open[:depth+1]
		*open[depth] = append(*open[depth], p)
		if p.Kind == Object || p.Kind == List || p.Kind == Set {
			open = append(open, &p.Inside)
		}
	}
	return lines[0], properties, nil
}

func parseLine(line string) (*Property, error) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return nil, fmt.Errorf("%q has no kind", line)
	}
	p := &Property{Name: words[0], Kind: words[1]}
	switch p.Kind {
	case Bool, Int, Float, String, List, Set, Map, Object:
	default:
		return nil, fmt.Errorf("%q is no kind", p.Kind)
	}
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "required":
			p.Required = true
		case "computed":
			p.Computed = true
		case "output":
			p.Output = true
		case "replaces":
			p.ForceNew = true
		case "secret":
			p.Secret = true
		case "conflicts":
			p.Conflict = strings.Split(value, ",")
		case "default":
			var err error
			if p.Default, err = parseDefault(p.Kind, value); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%q says nothing of a property", word)
		}
	}
	return p, nil
}

func parseDefault(kind, value string) (any, error) {
	switch kind {
	case Bool:
		return strconv.ParseBool(value)
	case Int, Float:
		return strconv.ParseFloat(value, 64)
	case String:
		return value, nil
	}
	return nil, fmt.Errorf("a %s has no default", kind)
}
