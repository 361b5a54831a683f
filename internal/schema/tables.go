package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/invopop/jsonschema"
)

var (
	// place matches a table of settings in a document: of all keys, of one object's fields, or
	// of all objects.
	place = regexp.MustCompile(`(?s)(<!-- settings(?:: (\w+))? -->\n).*?(<!-- end of settings -->\n)`)

	allKeys = regexp.MustCompile(`<!-- settings -->\n`)
)

// eachObject is the name of the place with the tables of all objects, each with a heading.
const eachObject = "objects"

// tables updates all tables of a document.
func tables(text string, all *jsonschema.Schema) (string, error) {
	var err error
	filled := place.ReplaceAllStringFunc(text, func(found string) string {
		parts := place.FindStringSubmatch(found)
		rows, e := tableOf(all, parts[2])
		if e != nil {
			err = e
		}
		return parts[1] + rows + parts[3]
	})
	if opened := strings.Count(text, "<!-- settings"); err == nil && opened != len(place.FindAllString(text, -1)) {
		err = fmt.Errorf("a place for settings does not end with <!-- end of settings -->, or does not begin with <!-- settings --> or <!-- settings: NAME -->")
	}
	return filled, err
}

func tableOf(all *jsonschema.Schema, name string) (string, error) {
	switch name {
	case "":
		return table("key", fieldsOf(all)), nil
	case eachObject:
		var b strings.Builder
		for _, f := range fieldsOf(all) {
			if fields := fieldsOf(f.schema); fields != nil {
				fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n%s", f.name, f.schema.Description, table("field", flat("", fields)))
			}
		}
		return b.String() + "\n", nil
	}
	for _, f := range fieldsOf(all) {
		if fields := fieldsOf(f.schema); f.name == name && fields != nil {
			return table("field", flat("", fields)), nil
		}
	}
	return "", fmt.Errorf("there is no object %s in the settings", name)
}

// flat lists the fields of nested objects by their path.
func flat(prefix string, fields []property) []property {
	var all []property
	for _, f := range fields {
		f.name = prefix + f.name
		inside := fieldsOf(f.schema)
		switch {
		case inside == nil:
			all = append(all, f)
		case f.schema.Items != nil:
			all = append(append(all, f), flat(f.name+"[].", inside)...)
		default:
			all = append(all, flat(f.name+".", inside)...)
		}
	}
	return all
}

func table(name string, fields []property) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | type | default | meaning |\n|---|---|---|---|\n", name)
	for _, f := range fields {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, typeName(f.schema), defaultText(f.schema), f.schema.Description)
	}
	return b.String()
}

// typeName describes a type with its choices or range.
func typeName(s *jsonschema.Schema) string {
	switch {
	case len(s.Enum) > 0:
		names := make([]string, len(s.Enum))
		for i, choice := range s.Enum {
			names[i] = fmt.Sprintf("`%v`", choice)
		}
		last := len(names) - 1
		return strings.Join(names[:last], ", ") + " or " + names[last]
	case s.Minimum != "" && s.Maximum != "":
		return fmt.Sprintf("integer, %s to %s", s.Minimum, s.Maximum)
	case s.Minimum != "":
		return fmt.Sprintf("integer, at least %s", s.Minimum)
	case s.Type == "array" && s.Items.Type == "object":
		return "list of objects"
	case s.Type == "array":
		return "list"
	case s.Type == "object" && s.Properties == nil:
		return "object, NAME: value"
	}
	return s.Type
}

// defaultText formats a default as in the file.
func defaultText(s *jsonschema.Schema) string {
	if s.Default == nil {
		return ""
	}
	if text, ok := s.Default.(string); ok {
		return "`" + text + "`"
	}
	text, _ := json.Marshal(s.Default) // a number or boolean
	return "`" + string(text) + "`"
}
