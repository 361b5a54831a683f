package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"
)

// sections are the generated sections of Pulumi.yaml: the config section, and the questions of
// pulumi new.
var sections = map[string]*regexp.Regexp{
	"config":   regexp.MustCompile(`(?s)(  # Settings: made by make schema\.\n).*?(  # End of settings\.\n)`),
	"template": regexp.MustCompile(`(?s)(    # Questions: made by make schema\.\n).*?(    # End of questions\.\n)`),
}

// firstZone is the zone that pulumi new proposes.
const firstZone = "us-central1-c"

// projectFile returns Pulumi.yaml with its generated sections replaced.
func projectFile(text string, all *jsonschema.Schema) (string, error) {
	var config, template yaml.Node
	config.Kind, template.Kind = yaml.MappingNode, yaml.MappingNode
	for _, f := range fieldsOf(all) {
		switch {
		case f.name == "gcp:zone":
			add(&template, f.name, map[string]any{"description": question(f), "default": firstZone})
		case f.name == "gcp:project":
			add(&template, f.name, map[string]any{"description": question(f)})
		case strings.Contains(f.name, ":"): // a provider's setting
		case f.schema.Type == "secret":
			// The config section requires a value for each setting, and a secret has no default.
			add(&template, f.name, map[string]any{"description": question(f), "secret": true})
		default:
			add(&config, f.name, declaration(f.schema))
		}
	}
	for section, node := range map[string]*yaml.Node{"config": &config, "template": &template} {
		lines, err := indented(node, map[string]string{"config": "  ", "template": "    "}[section])
		if err != nil {
			return "", err
		}
		if !sections[section].MatchString(text) {
			return "", fmt.Errorf("Pulumi.yaml has no place for the generated part of its section %s", section)
		}
		text = sections[section].ReplaceAllString(text, "${1}"+strings.ReplaceAll(lines, "$", "$$")+"${2}")
	}
	return text, nil
}

// question returns a description for pulumi new, which shows it in parentheses.
func question(f property) string { return strings.TrimSuffix(f.schema.Description, ".") }

// declaration returns a setting's entry in Pulumi.yaml. It has no type: Pulumi would check types
// before the program runs, and fail at the first error. The program reports all errors together,
// with remedies.
func declaration(s *jsonschema.Schema) map[string]any {
	d := map[string]any{"description": s.Description, "default": plain(s.Default)}
	switch {
	case s.Type == "array":
		d["default"] = []any{}
	case s.Type == "object":
		d["default"] = defaults(s)
	case s.Default == nil:
		d["default"] = ""
	}
	if fields := fieldsOf(s); fields != nil {
		var names []string
		for _, f := range fields {
			names = append(names, f.name)
		}
		d["description"] = s.Description + " Fields: " + strings.Join(names, ", ") + "."
	}
	return d
}

// defaults returns the defaults of an object's fields.
func defaults(s *jsonschema.Schema) map[string]any {
	all := map[string]any{}
	for _, f := range fieldsOf(s) {
		switch {
		case f.schema.Type == "object":
			if inside := defaults(f.schema); len(inside) > 0 {
				all[f.name] = inside
			}
		case f.schema.Default != nil && plain(f.schema.Default) != int64(0):
			all[f.name] = plain(f.schema.Default)
		}
	}
	return all
}

// add adds an entry to an object. The order of the entry's properties is fixed.
func add(object *yaml.Node, name string, entry map[string]any) {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, key := range []string{"description", "default", "secret"} {
		value, ok := entry[key]
		if !ok {
			continue
		}
		var encoded yaml.Node
		_ = encoded.Encode(value) // cannot fail for simple values
		if text, isText := value.(string); isText && key == "description" {
			encoded = yaml.Node{Kind: yaml.ScalarNode, Style: yaml.FoldedStyle, Value: text}
		}
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &encoded)
	}
	object.Content = append(object.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, node)
}

func indented(node *yaml.Node, by string) (string, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return "", err
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		lines = append(lines, wrapped(by+line)...)
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// lineWidth is the maximum width of lines in Pulumi.yaml; longer descriptions are folded.
const lineWidth = 118

// wrapped breaks a long line at spaces and indents all parts like the line.
func wrapped(line string) []string {
	text := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(text)]
	var lines []string
	for len(indent)+len(text) > lineWidth {
		at := strings.LastIndex(text[:lineWidth-len(indent)+1], " ")
		if at < 0 {
			break
		}
		lines = append(lines, indent+text[:at])
		text = text[at+1:]
	}
	return append(lines, indent+text)
}

// plain converts a default for YAML: numbers in the schema are json.Number.
func plain(value any) any {
	if number, ok := value.(json.Number); ok {
		n, _ := number.Int64() // all defaults are integers
		return n
	}
	return value
}
