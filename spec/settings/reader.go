package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// reader collects every problem instead of stopping at the first.
type reader struct {
	source Source
	errs   []error
}

// shown is a value as a message may show it: not if it is a secret, or may be one.
func (r *reader) shown(key, value string) string {
	top, _, _ := strings.Cut(key, ".")
	if top == environmentKey || r.source.IsSecret != nil && r.source.IsSecret(top) {
		return ""
	}
	return value
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
	refuse := func() bool {
		r.check(invalid(key, r.shown(key, value), "is not an object", "set its fields one by one, such as: pulumi config set --path "+key+"."+fields(into)[0]+" VALUE"))
		return false
	}
	var given map[string]any
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	if decoder.Decode(&given) != nil {
		return refuse()
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		r.check(invalid(key, r.shown(key, value), "has something after the object", "remove it"))
		return false
	}
	before := len(r.errs)
	fitted, err := json.Marshal(r.fit(key, given, reflect.TypeOf(into).Elem()))
	if len(r.errs) > before {
		return false
	}
	if err != nil || json.Unmarshal(fitted, into) != nil {
		return refuse()
	}
	return true
}

// fit turns scalars into what a type wants: a number or truth value into text where a
// text is wanted, and quoted ones into what they say where that is wanted. pulumi config
// set --path makes a number of everything that looks like one, and people quote numbers.
// What does not fit is complained about by its path.
func (r *reader) fit(path string, given any, wanted reflect.Type) any {
	if wanted.Kind() == reflect.Interface {
		return given // of a setting that is retired, whatever it was
	}
	switch value := given.(type) {
	case nil:
		return nil // as if it were not there
	case map[string]any:
		if wanted.Kind() == reflect.Struct || wanted.Kind() == reflect.Map {
			for _, name := range slices.Sorted(maps.Keys(value)) {
				inside, ok := within(wanted, name)
				if !ok {
					known := fields(reflect.New(wanted).Interface())
					r.check(invalid(path+"."+name, "", "is not a setting"+meant(name, known), "use "+list(known)))
					continue
				}
				value[name] = r.fit(path+"."+name, value[name], inside)
			}
			return value
		}
	case []any:
		if wanted.Kind() == reflect.Slice {
			for i, element := range value {
				value[i] = r.fit(fmt.Sprintf("%s[%d]", path, i), element, wanted.Elem())
			}
			return value
		}
	default: // a scalar, by what it reads as
		text := fmt.Sprint(value)
		n, err := strconv.Atoi(text)
		switch {
		case wanted.Kind() == reflect.String:
			return text
		case wanted.Kind() == reflect.Int && err == nil:
			return n
		case wanted.Kind() == reflect.Bool && (text == "true" || text == "false"):
			return text == "true"
		}
	}
	text, ok := given.(string)
	if !ok {
		raw, _ := json.Marshal(given) // what came from JSON
		text = string(raw)
	}
	r.check(invalid(path, r.shown(path, text), "has the wrong type", "it must be "+kind(wanted.Kind())))
	return nil
}

// within is the type of what a map or a struct has under a name; false if it has none.
func within(t reflect.Type, name string) (reflect.Type, bool) {
	if t.Kind() == reflect.Map {
		return t.Elem(), true
	}
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("json") == name {
			return t.Field(i).Type, true
		}
	}
	return nil, false
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
func kind(of reflect.Kind) string {
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
