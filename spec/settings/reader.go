package settings

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/spelling"
)

// reader reads settings as their types declare them, and collects all problems instead of
// stopping at the first.
type reader struct {
	source  Source
	project project
	found   problem.List
	unread  map[string]bool // keys whose value could not be read, and is not checked further
	unfit   map[string]bool // paths whose value has the wrong type
}

func newReader() *reader { return &reader{unread: map[string]bool{}, unfit: map[string]bool{}} }

// settings reads all keys. Keys that are not set keep their defaults.
func (r *reader) settings() Settings {
	var s Settings
	v := reflect.ValueOf(&s).Elem()
	setDefaults(v)
	for _, f := range fieldsOf(v.Type()) {
		before := len(r.found)
		r.read(f, v.FieldByIndex(f.Index))
		r.unread[f.name] = len(r.found) > before
	}
	return s
}

// field is a field of a struct, with its name in the configuration.
type field struct {
	reflect.StructField
	name string
}

// fieldsOf lists the settings in a struct, including those of embedded structs.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("json"); name != "" && name != "-" && !f.Anonymous {
			fields = append(fields, field{f, name})
		}
	}
	return fields
}

// retired reports whether a field is a setting of earlier versions, which is read only to
// be rejected.
func (f field) retired() bool { return f.Tag.Get("jsonschema") == "-" }

// constraint returns a keyword of a field's jsonschema tag; false if it is not there.
func (f field) constraint(keyword string) (string, bool) {
	if values := f.constraints(keyword); len(values) > 0 {
		return values[0], true
	}
	return "", false
}

func (f field) constraints(keyword string) []string {
	var values []string
	for _, part := range strings.Split(f.Tag.Get("jsonschema"), ",") {
		if name, value, ok := strings.Cut(part, "="); ok && name == keyword {
			values = append(values, value)
		}
	}
	return values
}

// number returns a keyword of a field's jsonschema tag as an integer.
func (f field) number(keyword string) (int, bool) {
	text, ok := f.constraint(keyword)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// setDefaults sets the defaults in the types' tags.
func setDefaults(v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		setDefault(f, v.FieldByIndex(f.Index))
	}
}

func setDefault(f field, into reflect.Value) {
	text, ok := f.constraint("default")
	switch unmarshaler, isText := into.Addr().Interface().(encoding.TextUnmarshaler); {
	case !ok && into.Kind() == reflect.Struct:
		setDefaults(into)
	case !ok:
	case isText:
		_ = unmarshaler.UnmarshalText([]byte(text)) // a test parses all defaults
	case into.Kind() == reflect.String:
		into.SetString(text)
	case into.Kind() == reflect.Int:
		n, _ := strconv.Atoi(text)
		into.SetInt(int64(n))
	case into.Kind() == reflect.Bool:
		into.SetBool(text == "true")
	}
}

// read reads the value of a key into a field, which contains its default.
func (r *reader) read(f field, into reflect.Value) {
	key := keyOf(f.name)
	value, ok := r.source.Get(key)
	_, optional := f.Tag.Lookup("optional")
	switch unmarshaler, isText := into.Addr().Interface().(encoding.TextUnmarshaler); {
	case into.Type() == reflect.TypeFor[Secret]():
		into.SetString(r.secret(key))
	case isText:
		if text := r.text(f, key); text != "" {
			r.add(problem.Of(key, unmarshaler.UnmarshalText([]byte(text))))
		}
	case into.Kind() == reflect.String && optional:
		into.SetString(strings.TrimSpace(value))
	case into.Kind() == reflect.String:
		into.SetString(r.text(f, key))
	case into.Kind() == reflect.Int && ok:
		n, err := strconv.Atoi(value)
		if err != nil {
			r.found.Add(key, value, "is not a whole number", fmt.Sprintf("use digits only, such as %d", into.Int()))
			return
		}
		into.SetInt(int64(n))
	case into.Kind() == reflect.Bool && ok:
		if value != "true" && value != "false" {
			r.found.Add(key, value, "is neither true nor false", "use true or false")
		}
		into.SetBool(value == "true")
	case into.Kind() == reflect.Slice && into.Type().Elem().Kind() == reflect.Struct && value != "":
		r.objects(key, value, into)
	case into.Kind() == reflect.Slice && value != "":
		into.Set(reflect.ValueOf(r.words(key, value)))
	case value != "":
		r.object(key, value, into)
	}
}

func (r *reader) add(problems problem.List) { r.found = append(r.found, problems...) }

// shown returns a value for a message; empty if it is a secret or may be one.
func (r *reader) shown(key, value string) string {
	top, _, _ := strings.Cut(key, ".")
	if top == environmentKey || r.source.IsSecret != nil && r.source.IsSecret(top) {
		return ""
	}
	return value
}

// text returns a text. It reports a text that is blank, and one that is missing and has no
// default.
func (r *reader) text(f field, key string) string {
	value, ok := r.source.Get(key)
	if standard, has := f.constraint("default"); has && !ok {
		return standard
	}
	trimmed := strings.TrimSpace(value)
	switch {
	case trimmed == "":
		r.found.Add(key, value, "is empty", "run: pulumi config set "+key+" VALUE")
	case trimmed != value:
		r.found.Add(key, value, "has spaces around it", "remove them")
	}
	return trimmed
}

// secret returns the full key of a secret if it is set. It rejects a value that is not
// encrypted, because that would be in plain text in the stack's configuration file and
// state.
func (r *reader) secret(key string) string {
	value, _ := r.source.Get(key)
	if value == "" {
		return ""
	}
	if !r.source.IsSecret(key) {
		r.found.Add(key, "", "is stored in plain text", "run: pulumi config set --secret "+key)
	}
	return r.project.where(key)
}

// object decodes a JSON object into a field. Missing entries keep the field's values.
func (r *reader) object(key, value string, into reflect.Value) {
	var given map[string]any
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	if decoder.Decode(&given) != nil {
		r.found.Add(key, r.shown(key, value), "is not an object", "set its fields one by one: pulumi config set --path "+key+"."+namesIn(into.Type())[0]+" VALUE")
		return
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		r.found.Add(key, r.shown(key, value), "has text after the object", "remove it")
		return
	}
	before := len(r.unfit)
	fresh := reflect.New(into.Type()).Elem()
	fresh.Set(into)
	r.decode(key, given, fresh)
	if len(r.unfit) == before || into.Kind() == reflect.Map {
		into.Set(fresh)
		return
	}
	// The fields that could be read are checked one by one. Rules over several of them would be
	// about a configuration that nobody has written.
	for _, p := range checkConstraints(field{}, key, fresh) {
		if !r.unfit[p.Key] {
			r.found = append(r.found, p)
		}
	}
}

// objects decodes a JSON list of objects, with their defaults.
func (r *reader) objects(key, value string, into reflect.Value) {
	var given []any
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	if err := decoder.Decode(&given); err != nil || decoder.More() {
		r.found.Add(key, r.shown(key, value), "is not a list", "set the fields of its entries one by one: pulumi config set --path '"+key+"[0]."+namesIn(into.Type().Elem())[0]+"' VALUE")
		return
	}
	r.decode(key, given, into)
}

// decode sets a field from a JSON value. It converts numbers and booleans to text if the
// field is a text, because pulumi config set --path stores everything that looks like a
// number as a number; it converts text to numbers and booleans if the field is one, because
// people quote numbers. Other wrong types are reported with their path.
func (r *reader) decode(path string, given any, into reflect.Value) {
	switch value := given.(type) {
	case nil: // like a missing value
		return
	case map[string]any:
		switch into.Kind() {
		case reflect.Struct:
			r.fields(path, value, into)
			return
		case reflect.Map:
			into.Set(reflect.MakeMap(into.Type()))
			for _, name := range slices.Sorted(maps.Keys(value)) {
				element := reflect.New(into.Type().Elem()).Elem()
				r.decode(path+"."+name, value[name], element)
				if !r.unfit[path+"."+name] {
					into.SetMapIndex(reflect.ValueOf(name), element)
				}
			}
			return
		}
	case []any:
		if into.Kind() == reflect.Slice {
			into.Set(reflect.MakeSlice(into.Type(), len(value), len(value)))
			for i := range value {
				if into.Index(i).Kind() == reflect.Struct {
					setDefaults(into.Index(i))
				}
				r.decode(fmt.Sprintf("%s[%d]", path, i), value[i], into.Index(i))
			}
			return
		}
	default: // a scalar in a text
		text := fmt.Sprint(value)
		n, err := strconv.Atoi(text)
		switch {
		case into.Kind() == reflect.String:
			into.SetString(text)
			return
		case into.Kind() == reflect.Int && err == nil:
			into.SetInt(int64(n))
			return
		case into.Kind() == reflect.Bool && (text == "true" || text == "false"):
			into.SetBool(text == "true")
			return
		}
	}
	if into.Kind() == reflect.Interface { // of a retired setting, of any type
		into.Set(reflect.ValueOf(given))
		return
	}
	text, ok := given.(string)
	if !ok {
		raw, _ := json.Marshal(given) // it came from JSON
		text = string(raw)
	}
	r.found.Add(path, r.shown(path, text), "has the wrong type", "it must be "+kindName(into.Kind()))
	r.unfit[path] = true
}

// fields decodes an object into a struct. A misspelt field is an error: if it were ignored,
// a different configuration would be deployed. The other fields are checked as if it were spelt right, so that
// it causes no other error.
func (r *reader) fields(path string, given map[string]any, into reflect.Value) {
	fields := fieldsOf(into.Type())
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			known := namesIn(into.Type())
			r.found.Add(path+"."+name, "", "is not a setting"+spelling.Suggestion(name, known), "use "+list(known))
			near := spelling.Nearest(name, known)
			i = slices.IndexFunc(fields, func(f field) bool { return f.name == near })
			if _, given := given[near]; i < 0 || given {
				continue
			}
		}
		r.decode(path+"."+name, given[name], into.FieldByIndex(fields[i].Index))
	}
}

// words decodes a JSON list of texts. Numbers and booleans become text as they are written,
// because pulumi config set --path stores everything that looks like one as one.
func (r *reader) words(key, value string) []string {
	var entries []any
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	if err := decoder.Decode(&entries); err != nil || decoder.More() {
		r.found.Add(key, value, "is not a list", `set its entries one by one: pulumi config set --path '`+key+`[0]' -- VALUE`)
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
			r.found.Add(fmt.Sprintf("%s[%d]", key, i), fmt.Sprint(e), "is not a string", "use one entry for a flag and one for its value")
		}
	}
	return list
}

// namesIn lists the settings in an object.
func namesIn(t reflect.Type) []string {
	if t.Kind() != reflect.Struct {
		return []string{"NAME"} // users choose the names in a map
	}
	var names []string
	for _, f := range fieldsOf(t) {
		if !f.retired() {
			names = append(names, f.name)
		}
	}
	return names
}

// kindName describes a Go kind for people who write YAML.
func kindName(of reflect.Kind) string {
	switch of {
	case reflect.Int:
		return "a whole number"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}
