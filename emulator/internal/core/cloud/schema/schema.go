// Package schema contains the schemas of the resource types that the program uses, from the
// gcp provider 8.41.1.
//
// The folder types has one file for each resource type. The first line is the type token.
// Each further line is one property: its name, its kind and its flags, separated by spaces.
// The properties of an object, or of the elements of a list or set, follow with one more tab.
//
//	required       must be set; all other properties are optional
//	computed       Google sets it if it is omitted, and the provider sees no change
//	output         only Google sets it
//	replaces       a change replaces the resource
//	secret         the value is a secret
//	default=V      the value if it is omitted
//	conflicts=A,B  paths, from the top, of properties that must not be set together with it
//
// To regenerate the files for another version of the provider, write a program that imports
// github.com/pulumi/pulumi-gcp/provider/v8 of that version, iterates over
// Provider().P.ResourcesMap() with the names in Provider().Resources, and prints for each
// property, separated by tabs:
//
//   - the type token
//   - the path in Pulumi's names (TerraformToPulumiNameV2 of the bridge; a block that occurs
//     at most once is an object, and [*] stands for the elements of a list or set)
//   - the kind: Bool, Int, Float, String, List, Set, Map or Object
//   - the flags, separated by commas: required, optional, computed, replaces (ForceNew),
//     secret, default=VALUE
//   - ConflictsWith, separated by spaces
//
// Then run, in the folder emulator,
//
//	go run ./internal/core/cloud/schema/generate DUMP internal/core/cloud/schema/types [TYPE...]
//
// It regenerates the existing files and writes those of the named types.
//
// The folder functions has the results of lookups in the same format. To regenerate it, run
// go run ./internal/functions in the root folder.
package schema

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
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
	Set    = "set" // unordered
	Map    = "map" // with arbitrary keys
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
	Default  any      // nil for none; numbers are float64
	Conflict []string // paths from the top of the resource

	// Inside are the properties of an object, or of the elements of a list or set; nil for
	// elements of a simple type.
	Inside []*Property
}

// Find returns the property of a level with a name, or nil.
func Find(level []*Property, name string) *Property {
	for _, p := range level {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// At returns the property at a path such as cleanupPolicies[*].condition.tagState, or nil.
// Every path below a map returns the map.
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

// Function returns the properties of a function's result by its token; nil if it is unknown.
func Function(token string) []*Property { return functions[token] }

// Of returns the properties of a type by its token; nil if it is unknown.
func Of(typ string) []*Property { return types[typ] }

// Types returns the tokens of all types, in no particular order.
func Types() []string { return slices.Collect(maps.Keys(types)) }

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
		panic(err) // the files are embedded, and a test reads them
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
			err = fmt.Errorf("%q is indented too far", line)
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
		return nil, fmt.Errorf("%q is not a kind", p.Kind)
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
			return nil, fmt.Errorf("%q is not a flag", word)
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
	return nil, fmt.Errorf("a %s cannot have a default", kind)
}
