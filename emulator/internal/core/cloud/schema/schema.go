// Package schema contains the schemas of the resource types that the program uses, from the
// gcp provider 8.41.1.
//
// Each line of types.tsv is one property of a type. It has five columns, separated by tabs:
//
//   - the type token
//   - the path in Pulumi's names; a block that occurs at most once is an object, and [*] stands
//     for the elements of a list or set
//   - the kind: Bool, Int, Float, String, List, Set, Map or Object
//   - the flags, separated by commas: required, optional, computed, replaces (ForceNew),
//     secret, default=VALUE
//   - the paths, separated by spaces, of properties that must not be set together with it
//     (ConflictsWith)
//
// To regenerate the file for another version of the provider, write a program that imports
// github.com/pulumi/pulumi-gcp/provider/v8 of that version, iterates over
// Provider().P.ResourcesMap() with the names in Provider().Resources, and prints these columns.
// TerraformToPulumiNameV2 of the bridge converts names.
//
// functions.tsv has the results of lookups in the same format. To regenerate it, run
// go run ./internal/functions in the root folder.
package schema

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The kinds of properties.
const (
	Bool   = "Bool"
	Int    = "Int"
	Float  = "Float"
	String = "String"
	List   = "List"
	Set    = "Set" // unordered
	Map    = "Map" // with arbitrary keys
	Object = "Object"
)

// Property is one property of a resource type, or of an object in it.
type Property struct {
	Name     string
	Kind     string
	Required bool // all other properties are optional
	Computed bool // Google sets it if it is omitted, and the provider sees no change
	Output   bool // only Google sets it
	ForceNew bool // a change replaces the resource
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

var (
	//go:embed types.tsv
	typeRows string
	//go:embed functions.tsv
	functionRows string

	types     = mustParse(typeRows)
	functions = mustParse(functionRows)
)

// Function returns the properties of a function's result by its token; nil if it is unknown.
func Function(token string) []*Property { return functions[token] }

// Of returns the properties of a type by its token; nil if it is unknown.
func Of(typ string) []*Property { return types[typ] }

// Types returns the tokens of all types, in no particular order.
func Types() []string { return slices.Collect(maps.Keys(types)) }

func mustParse(text string) map[string][]*Property {
	all, err := parse(text)
	if err != nil {
		panic(err) // the files are embedded, and a test reads them
	}
	return all
}

// parse returns the properties by token. A property comes after the one that contains it.
func parse(text string) (map[string][]*Property, error) {
	all := map[string][]*Property{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(columns) != 5 {
			return nil, fmt.Errorf("line %d: it does not have five columns", number)
		}
		token, path := columns[0], columns[1]
		at := strings.LastIndex(path, ".")
		p, err := property(path[at+1:], columns[2], strings.Split(columns[3], ","), strings.Fields(columns[4]))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if at < 0 {
			all[token] = append(all[token], p)
			continue
		}
		parent := At(all[token], path[:at])
		if parent == nil {
			return nil, fmt.Errorf("line %d: no property contains %q", number, path)
		}
		parent.Inside = append(parent.Inside, p)
	}
	return all, nil
}

func property(name, kind string, flags, conflicts []string) (p *Property, err error) {
	has := func(flag string) bool { return slices.Contains(flags, flag) }
	p = &Property{
		Name: name, Kind: kind, Conflict: conflicts, Required: has("required"), ForceNew: has("replaces"), Secret: has("secret"),
		Computed: has("computed") && has("optional"), Output: has("computed") && !has("optional"),
	}
	for _, flag := range flags {
		if value, ok := strings.CutPrefix(flag, "default="); ok {
			p.Default, err = parseDefault(kind, value)
		}
	}
	return p, err
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
