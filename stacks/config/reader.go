package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// reader collects every problem instead of stopping at the first.
type reader struct {
	source Source
	errs   []error
}

func (r *reader) check(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// text returns a value that must be there and not be blank.
func (r *reader) text(key string) string {
	value, _ := r.source.Get(key)
	if strings.TrimSpace(value) == "" {
		r.check(invalid(key, value, "is empty", "run: pulumi config set "+key+" VALUE"))
		return ""
	}
	if strings.TrimSpace(value) != value {
		r.check(invalid(key, value, "has spaces around it", "remove them"))
	}
	return strings.TrimSpace(value)
}

// optional returns a value that may be left out.
func (r *reader) optional(key string) string {
	value, _ := r.source.Get(key)
	return strings.TrimSpace(value)
}

func (r *reader) integer(key string, absent int) int {
	value, ok := r.source.Get(key)
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		r.check(invalid(key, value, "is not a whole number", fmt.Sprintf("use digits only, such as %d", absent)))
	}
	return n
}

func (r *reader) boolean(key string) bool {
	value, ok := r.source.Get(key)
	if ok && value != "true" && value != "false" {
		r.check(invalid(key, value, "is neither true nor false", "use true or false"))
	}
	return value == "true"
}

// booleanOr is a truth value that is another than false when nothing is said.
func (r *reader) booleanOr(key string, absent bool) bool {
	if _, ok := r.source.Get(key); !ok {
		return absent
	}
	return r.boolean(key)
}

// secret reports whether a secret is there. One that is not encrypted is refused: it
// would stand in plain text in the stack's configuration file and in its state.
func (r *reader) secret(key string) bool {
	value, _ := r.source.Get(key)
	if value == "" {
		return false
	}
	if !r.source.IsSecret(key) {
		r.check(fmt.Errorf("config %s: is stored in plain text; run: pulumi config set --secret %s", key, key))
	}
	return true
}

// object decodes a JSON object over what into already holds, and reports whether that
// can be checked further. A misspelt field is an error: ignoring it would deploy
// something else than was asked for.
func (r *reader) object(key string, into any) bool {
	value, ok := r.source.Get(key)
	if !ok || value == "" {
		return true
	}
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		var wrong *json.UnmarshalTypeError
		switch {
		case errors.As(err, &wrong) && wrong.Field != "":
			r.check(invalid(key+"."+wrong.Field, field(value, wrong.Field), "has the wrong type", "it must be "+kind(wrong.Type.Kind().String())))
		case strings.Contains(err.Error(), "unknown field"):
			name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
			r.check(invalid(key+"."+name, "", "is not a setting"+meant(name, fields(into)), "use "+list(fields(into))))
		default:
			r.check(invalid(key, value, "is not an object", "set its fields one by one, such as: pulumi config set --path "+key+"."+fields(into)[0]+" VALUE"))
		}
		return false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		r.check(invalid(key, value, "has something after the object", "remove it"))
		return false
	}
	return true
}

// words decodes a JSON list of texts. Numbers and truth values are taken as they are
// written: pulumi config set --path makes them of everything that looks like one.
func (r *reader) words(key string) []string {
	value, ok := r.source.Get(key)
	if !ok || value == "" {
		return nil
	}
	var entries []any
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	if err := decoder.Decode(&entries); err != nil || decoder.More() {
		r.check(invalid(key, value, "is not a list", `set its entries one by one: pulumi config set --path '`+key+`[0]' -- VALUE`))
		return nil
	}
	var list []string
	for i, entry := range entries {
		switch e := entry.(type) {
		case string:
			list = append(list, e)
		case json.Number, bool:
			list = append(list, fmt.Sprint(e))
		default:
			r.check(invalid(fmt.Sprintf("%s[%d]", key, i), fmt.Sprint(e), "is not a text", "use one entry for a flag and one for its value"))
		}
	}
	return list
}

// field is the text of one field of a JSON object, for a message; empty if it cannot be
// told apart.
func field(object, path string) string {
	here := json.RawMessage(object)
	for _, name := range strings.Split(path, ".") {
		var inside map[string]json.RawMessage
		if json.Unmarshal(here, &inside) != nil {
			return ""
		}
		here = inside[name]
	}
	return strings.Trim(string(here), `"`)
}

// fields lists the settings of an object by their JSON names.
func fields(of any) []string {
	t := reflect.TypeOf(of).Elem()
	if t.Kind() != reflect.Struct {
		return []string{"NAME"} // a map has the names that its user gives it
	}
	var names []string
	for i := range t.NumField() {
		if _, retired := t.Field(i).Tag.Lookup("retired"); !retired {
			names = append(names, t.Field(i).Tag.Get("json"))
		}
	}
	return names
}

// kind says a Go kind in words that a YAML writer knows.
func kind(goKind string) string {
	switch goKind {
	case "int":
		return "a whole number"
	case "slice":
		return "a list"
	case "map", "struct":
		return "an object"
	default:
		return "a " + goKind
	}
}
