package settings

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"sglang-tpu/spec/problem"
)

// Locate adds the lines at which the keys of problems are in a stack's configuration file.
// It does not change a problem whose key is not in the file, or whose value there differs
// from that of Get: the value then comes from elsewhere.
func Locate(problems problem.List, file string, text []byte, get func(key string) (string, bool)) problem.List {
	var stack struct {
		Config yaml.Node `yaml:"config"`
	}
	if yaml.Unmarshal(text, &stack) != nil {
		return problems
	}
	located := slices.Clone(problems)
	for i, p := range problems {
		if line := lineOf(&stack.Config, p.Key+p.Entry, get); line > 0 {
			located[i].At = fmt.Sprintf("%s:%d", file, line)
		}
	}
	return located
}

// steps matches the names and indexes of a path.
var steps = regexp.MustCompile(`[^.\[\]]+`)

// lineOf returns the line of a key with its path, or of the nearest entry above it; 0 if
// there is none.
func lineOf(config *yaml.Node, key string, get func(key string) (string, bool)) int {
	namespace, path, _ := strings.Cut(key, ":")
	names := steps.FindAllString(path, -1)
	if len(names) == 0 {
		return 0
	}
	top := namespace + ":" + names[0]
	at, node := child(config, top)
	if node == nil { // keys of the project may omit its name
		at, node = child(config, names[0])
	}
	if value, _ := get(top); node == nil || !holds(node, value) {
		return 0
	}
	for _, name := range names[1:] {
		nextAt, next := child(node, name)
		if next == nil {
			break
		}
		at, node = nextAt, next
	}
	return at.Line
}

// child returns an entry of an object or a list, and its position; nil if there is none. An
// entry of a list has an index, or a flag as its name.
func child(of *yaml.Node, name string) (at, node *yaml.Node) {
	switch of.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(of.Content); i += 2 {
			if of.Content[i].Value == name {
				return of.Content[i], of.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		i, err := strconv.Atoi(name)
		if err != nil {
			i = slices.IndexFunc(of.Content, func(entry *yaml.Node) bool { return entry.Value == name || strings.HasPrefix(entry.Value, name+"=") })
		}
		if 0 <= i && i < len(of.Content) {
			return of.Content[i], of.Content[i]
		}
	}
	return nil, nil
}

// holds reports whether a node has the configured value. The values of secrets are unknown.
func holds(node *yaml.Node, value string) bool {
	if _, secure := child(node, "secure"); secure != nil {
		return true
	}
	if node.Kind == yaml.ScalarNode {
		return node.Value == value || node.Tag == "!!null"
	}
	// JSON is YAML. Pulumi writes 0.80 as 0.8, and dates as fmt does.
	var written, configured any
	return node.Decode(&written) == nil && yaml.Unmarshal([]byte(value), &configured) == nil && fmt.Sprint(written) == fmt.Sprint(configured)
}
