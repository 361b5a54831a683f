package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sglang-tpu/spec/problem"
)

// checkConstraints rejects values outside of the choices and ranges in the types' tags. key
// is empty for the struct of all settings.
func checkConstraints(f field, key string, v reflect.Value) problem.List {
	var found problem.List
	switch v.Kind() {
	case reflect.Struct:
		for _, inside := range fieldsOf(v.Type()) {
			found = append(found, checkConstraints(inside, inside.path(key), v.FieldByIndex(inside.Index))...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			found = append(found, checkConstraints(field{}, fmt.Sprintf("%s[%d]", key, i), v.Index(i))...)
		}
	case reflect.String:
		if choices := f.constraints("enum"); choices != nil && !slices.Contains(choices, v.String()) {
			last := len(choices) - 1
			found.Add(key, v.String(), "is not "+f.Tag.Get("noun"), "use "+list(choices[:last])+" or "+choices[last])
		}
	case reflect.Int:
		unit, isRange := f.Tag.Lookup("unit")
		least, _ := f.number("minimum")
		most, _ := f.number("maximum")
		_, hasDefault := f.constraint("default")
		// Without a default, 0 means that the setting is not set.
		if n := int(v.Int()); isRange && (n < least || n > most) && (n != 0 || hasDefault) {
			found.Add(key, strconv.Itoa(n), "is out of range", fmt.Sprintf("use %d to %d %s", least, most, unit))
		}
	}
	return found
}

func list(names []string) string { return strings.Join(names, ", ") }
