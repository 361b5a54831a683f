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

// loader reads settings as their types declare them, checks them, and collects all problems
// instead of stopping at the first.
type loader struct {
	*Config
	source Source
	found  problem.List
	unread map[string]bool // keys whose value could not be read, and is not checked further
	unfit  map[string]bool // paths whose value has the wrong type
}

func newLoader(source Source) *loader {
	return &loader{Config: &Config{}, source: source, unread: map[string]bool{}, unfit: map[string]bool{}}
}

// readAll reads all keys. Keys that are not set keep their defaults.
func (l *loader) readAll() {
	v := reflect.ValueOf(&l.Settings).Elem()
	setDefaults(v)
	for _, f := range fieldsOf(v.Type()) {
		before := len(l.found)
		l.read(f, v.FieldByIndex(f.Index))
		l.unread[f.name] = len(l.found) > before
	}
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
	text, _ := f.constraint(keyword)
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
	if text, ok := f.constraint("default"); ok {
		_ = set(text, into) // a test parses all defaults
	} else if into.Kind() == reflect.Struct {
		setDefaults(into)
	}
}

// isDefault reports whether a value is the field's default.
func (f field) isDefault(given reflect.Value) bool {
	standard := reflect.New(f.Type).Elem()
	setDefault(f, standard)
	if kind := f.Type.Kind(); (kind == reflect.Slice || kind == reflect.Map) && given.Len() == 0 {
		return standard.Len() == 0
	}
	return reflect.DeepEqual(given.Interface(), standard.Interface())
}

// errType is the error of a value that does not have its field's type.
var errType = errors.New("has the wrong type")

// set sets a scalar from its text.
func set(text string, into reflect.Value) error {
	if unmarshaler, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return unmarshaler.UnmarshalText([]byte(text))
	}
	n, err := strconv.Atoi(text)
	switch kind := into.Kind(); {
	case kind == reflect.String:
		into.SetString(text)
	case kind == reflect.Int && err == nil:
		into.SetInt(int64(n))
	case kind == reflect.Bool && (text == "true" || text == "false"):
		into.SetBool(text == "true")
	default:
		return errType
	}
	return nil
}

// read reads the value of a key into a field, which contains its default.
func (l *loader) read(f field, into reflect.Value) {
	key := keyOf(f.name)
	value, given := l.source.Get(key)
	if _, ok := f.constraint("default"); ok && !given {
		return
	}
	_, optional := f.Tag.Lookup("optional")
	_, isText := into.Addr().Interface().(encoding.TextUnmarshaler)
	switch kind := into.Kind(); {
	case into.Type() == reflect.TypeFor[Secret]():
		into.SetString(l.secret(key, value))
	case isText:
		if text := l.text(key, value); text != "" {
			l.check(key, set(text, into))
		}
	case kind == reflect.String && optional:
		into.SetString(strings.TrimSpace(value))
	case kind == reflect.String:
		into.SetString(l.text(key, value))
	case kind == reflect.Int:
		if set(value, into) != nil {
			l.found.Add(key, value, "is not a whole number", fmt.Sprintf("use digits only, such as %d", into.Int()))
		}
	case kind == reflect.Bool:
		if set(value, into) != nil {
			l.found.Add(key, value, "is neither true nor false", "use true or false")
		}
	case value != "":
		l.parse(key, value, into)
	}
}

// check adds the problems in an error, which are about the key unless they name another. It
// returns false if there are any.
func (l *loader) check(key string, err error) bool {
	l.found = append(l.found, problem.Of(key, err)...)
	return err == nil
}

// shown returns a value for a message; empty if it is a secret or may be one.
func (l *loader) shown(key, value string) string {
	top, _, _ := strings.Cut(key, ".")
	if top == environmentKey || l.source.IsSecret(top) {
		return ""
	}
	return value
}

// text returns a text without the spaces around it. It reports these, and a text that is blank.
func (l *loader) text(key, value string) string {
	trimmed := strings.TrimSpace(value)
	switch {
	case trimmed == "":
		l.found.Add(key, value, "is empty", "run: pulumi config set "+key+" VALUE")
	case trimmed != value:
		l.found.Add(key, value, "has spaces around it", "remove them")
	}
	return trimmed
}

// secret returns the full key of a secret if it is set. It rejects a value that is not
// encrypted, because that would be in plain text in the stack's configuration file and
// state.
func (l *loader) secret(key, value string) string {
	if value == "" {
		return ""
	}
	if !l.source.IsSecret(key) {
		l.found.Add(key, "", "is stored in plain text", "run: pulumi config set --secret "+key)
	}
	return l.project.where(key)
}

// parse decodes the JSON of an object or a list into a field. Missing entries keep the
// field's values.
func (l *loader) parse(key, value string, into reflect.Value) {
	var given any
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	err := decoder.Decode(&given)
	_, end := decoder.Token()
	whole := errors.Is(end, io.EOF)
	_, isObject := given.(map[string]any)
	entries, isList := given.([]any)
	switch list := into.Kind() == reflect.Slice; {
	case list && (err != nil || !whole || !isList && given != nil):
		remedy := "set its entries one by one: pulumi config set --path '" + key + "[0]' -- VALUE"
		if element := into.Type().Elem(); element.Kind() == reflect.Struct {
			remedy = "set the fields of its entries one by one: pulumi config set --path '" + key + "[0]." + namesIn(element)[0] + "' VALUE"
		}
		l.found.Add(key, l.shown(key, value), "is not a list", remedy)
		return
	case !list && (err != nil || !isObject && given != nil):
		l.found.Add(key, l.shown(key, value), "is not an object", "set its fields one by one: pulumi config set --path "+key+"."+namesIn(into.Type())[0]+" VALUE")
		return
	case !list && !whole:
		l.found.Add(key, l.shown(key, value), "has text after the object", "remove it")
		return
	}
	if words, ok := into.Addr().Interface().(*[]string); ok {
		*words = l.words(key, entries)
		return
	}
	before := len(l.unfit)
	fresh := reflect.New(into.Type()).Elem()
	fresh.Set(into)
	l.decode(key, given, fresh)
	if len(l.unfit) == before || into.Kind() != reflect.Struct {
		into.Set(fresh)
		return
	}
	// The fields that could be read are checked one by one. Rules over several of them would be
	// about a configuration that nobody has written.
	for _, p := range checkConstraints(field{}, key, fresh) {
		if !l.unfit[p.Key] {
			l.found = append(l.found, p)
		}
	}
}

// decode sets a field from a JSON value. It converts numbers and booleans to text if the
// field is a text, because pulumi config set --path stores everything that looks like a
// number as a number; it converts text to numbers and booleans if the field is one, because
// people quote numbers. Other wrong types are reported with their path.
func (l *loader) decode(path string, given any, into reflect.Value) {
	switch value := given.(type) {
	case nil: // like a missing value
		return
	case map[string]any:
		switch into.Kind() {
		case reflect.Struct:
			l.fields(path, value, into)
			return
		case reflect.Map:
			into.Set(reflect.MakeMap(into.Type()))
			for _, name := range slices.Sorted(maps.Keys(value)) {
				element := reflect.New(into.Type().Elem()).Elem()
				l.decode(path+"."+name, value[name], element)
				if !l.unfit[path+"."+name] {
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
				l.decode(fmt.Sprintf("%s[%d]", path, i), value[i], into.Index(i))
			}
			return
		}
	default: // a scalar
		if set(fmt.Sprint(value), into) == nil {
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
	l.found.Add(path, l.shown(path, text), "has the wrong type", "it must be "+kindNames[into.Kind()])
	l.unfit[path] = true
}

// fields decodes an object into a struct. A misspelt field is an error: if it were ignored,
// a different configuration would be deployed. The other fields are checked as if it were spelt right, so that
// it causes no other error.
func (l *loader) fields(path string, given map[string]any, into reflect.Value) {
	fields := fieldsOf(into.Type())
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			known := namesIn(into.Type())
			l.found.Add(path+"."+name, "", "is not a setting"+spelling.Suggestion(name, known), "use "+list(known))
			near := spelling.Nearest(name, known)
			i = slices.IndexFunc(fields, func(f field) bool { return f.name == near })
			if _, given := given[near]; i < 0 || given {
				continue
			}
		}
		l.decode(path+"."+name, given[name], into.FieldByIndex(fields[i].Index))
	}
}

// words returns the entries of a list of texts. Numbers and booleans become text as they are
// written, because pulumi config set --path stores everything that looks like one as one.
func (l *loader) words(key string, entries []any) []string {
	var list []string
	for i, entry := range entries {
		switch entry.(type) {
		case string, json.Number, bool:
			list = append(list, fmt.Sprint(entry))
		default:
			l.found.Add(fmt.Sprintf("%s[%d]", key, i), fmt.Sprint(entry), "is not a string", "use one entry for a flag and one for its value")
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

// kindNames describe Go kinds for people who write YAML.
var kindNames = map[reflect.Kind]string{
	reflect.Int: "a whole number", reflect.String: "a string", reflect.Bool: "true or false",
	reflect.Slice: "a list", reflect.Struct: "an object", reflect.Map: "an object",
}
