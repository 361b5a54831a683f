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
			path := key + "." + inside.name
			if key == "" {
				path = keyOf(inside.name)
			}
			found = append(found, checkConstraints(inside, path, v.FieldByIndex(inside.Index))...)
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
		found = append(found, checkRange(f, key, int(v.Int()))...)
	}
	return found
}

// checkRange rejects a number outside of its range. If there is no default, 0 means that the
// setting is not set.
func checkRange(f field, key string, value int) problem.List {
	unit, ok := f.Tag.Lookup("unit")
	least, _ := f.number("minimum")
	most, _ := f.number("maximum")
	_, hasDefault := f.constraint("default")
	if !ok || value == 0 && !hasDefault || value >= least && value <= most {
		return nil
	}
	return problem.List{{Key: key, Value: strconv.Itoa(value), Why: "is out of range", Remedy: fmt.Sprintf("use %d to %d %s", least, most, unit)}}
}

func list(names []string) string { return strings.Join(names, ", ") }
