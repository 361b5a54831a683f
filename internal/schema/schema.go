package main

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"sglang-tpu/spec/settings"
	"sglang-tpu/spec/topology"
)

// settingsSchema returns the schema of the settings, derived from their Go types. Comments
// become descriptions. The keys of this program have no namespace. root is the checkout.
func settingsSchema(root string) (*jsonschema.Schema, error) {
	r := jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, RequiredFromJSONSchemaTags: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			switch t {
			case reflect.TypeFor[topology.Topology]():
				return &jsonschema.Schema{Type: "string"}
			case reflect.TypeFor[settings.Secret]():
				return &jsonschema.Schema{Type: "secret"}
			}
			return nil
		},
	}
	if err := addComments(&r, root); err != nil {
		return nil, err
	}
	schema := r.Reflect(settings.Settings{})
	for at := schema.Properties.Oldest(); at != nil; at = at.Next() {
		describe(at.Value)
	}
	return schema, nil
}

// addComments reads the comments of all packages of spec.
func addComments(r *jsonschema.Reflector, root string) error {
	var found jsonschema.Reflector
	if err := found.AddGoComments("", filepath.Join(root, "spec")); err != nil {
		return err
	}
	r.CommentMap = map[string]string{}
	for name, text := range found.CommentMap {
		if _, below, ok := strings.Cut(name, "spec/"); ok {
			r.CommentMap["sglang-tpu/spec/"+below] = text
		}
	}
	return nil
}

// describe joins the lines of descriptions, and removes those of types, which are for readers
// of the code.
func describe(s *jsonschema.Schema) {
	s.Description = strings.Join(strings.Fields(s.Description), " ")
	if s.Items != nil {
		s.Items.Description = ""
	}
	for _, inside := range fieldsOf(s) {
		describe(inside.schema)
	}
}

// property is a field of an object.
type property struct {
	name   string
	schema *jsonschema.Schema
}

// fieldsOf returns the fields of an object, or of a list's objects.
func fieldsOf(s *jsonschema.Schema) []property {
	if s.Items != nil {
		s = s.Items
	}
	var all []property
	if s.Properties == nil {
		return nil
	}
	for at := s.Properties.Oldest(); at != nil; at = at.Next() {
		all = append(all, property{at.Key, at.Value})
	}
	return all
}

// written returns a schema of a value in the file: Pulumi and this program accept a quoted
// number as a number, and a number as a text.
func written(s *jsonschema.Schema) *jsonschema.Schema {
	w := *s
	types := func(names ...string) {
		w.Type, w.Extras = "", map[string]any{"type": names}
	}
	switch s.Type {
	case "secret":
		secure := jsonschema.NewProperties()
		secure.Set("secure", &jsonschema.Schema{Type: "string"})
		w.Type = ""
		w.OneOf = []*jsonschema.Schema{
			{Type: "object", Properties: secure, Required: []string{"secure"}, AdditionalProperties: jsonschema.FalseSchema},
			{Type: "string", Pattern: "^$", Extras: message("is stored in plain text; run: pulumi config set --secret")},
		}
	case "string":
		if w.Enum == nil {
			types("string", "number", "boolean")
		}
	case "integer":
		types("integer", "string")
		w.Pattern = "^-?[0-9]+$"
	case "boolean":
		w.Type, w.Enum = "", []any{true, false, "true", "false"}
	}
	if s.Items != nil {
		w.Items = written(s.Items)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Type != "" {
		w.AdditionalProperties = written(s.AdditionalProperties)
	}
	if s.Properties != nil {
		w.Properties = jsonschema.NewProperties()
		for _, f := range fieldsOf(&jsonschema.Schema{Properties: s.Properties}) {
			w.Properties.Set(f.name, written(f.schema))
		}
	}
	return &w
}

// message returns the keyword with an error message that editors show.
func message(text string) map[string]any {
	return map[string]any{"errorMessage": text, "patternErrorMessage": text}
}

// fileSchema returns the JSON Schema of Pulumi.<env>.yaml in a project with a name.
func fileSchema(all *jsonschema.Schema, project string) ([]byte, error) {
	keys := jsonschema.NewProperties()
	short := map[string]*jsonschema.Schema{} // keys without the project's name
	var names []any
	for _, f := range fieldsOf(all) {
		key := f.name
		if !strings.Contains(key, ":") {
			key = project + ":" + f.name
			short["^"+f.name+"$"] = &jsonschema.Schema{Ref: "#/properties/config/properties/" + key}
			names = append(names, f.name)
		}
		keys.Set(key, written(f.schema))
		names = append(names, key)
	}
	foreign := &jsonschema.Schema{Pattern: "^[^:]+:", Not: &jsonschema.Schema{Pattern: "^(gcp|" + project + "):"}}
	top := jsonschema.NewProperties()
	top.Set("config", &jsonschema.Schema{
		Type: "object", Properties: keys, PatternProperties: short,
		PropertyNames: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Enum: names, Extras: message("is not a setting")}, foreign}},
	})
	for _, name := range []string{"secretsprovider", "encryptedkey", "encryptionsalt"} { // written by pulumi
		top.Set(name, &jsonschema.Schema{Type: "string"})
	}
	top.Set("environment", jsonschema.TrueSchema)
	text, err := json.MarshalIndent(&jsonschema.Schema{
		Version: jsonschema.Version, Title: "Pulumi.<env>.yaml of " + project, Type: "object",
		Properties: top, AdditionalProperties: jsonschema.FalseSchema,
	}, "", "  ")
	return append(text, '\n'), err
}
