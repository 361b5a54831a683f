package cloud

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"sglang-tpu/emulator/internal/property"
)

// Values are the properties of a resource as JSON values.
type Values map[string]any

// at returns the value at a property path, or nil.
func (v Values) at(path string) any { return property.At(map[string]any(v), path, nil) }

func (v Values) text(path string) string {
	s, _ := v.at(path).(string)
	return s
}

func (v Values) number(path string) int {
	f, _ := v.at(path).(float64)
	return int(f)
}

func (v Values) truth(path string) bool {
	b, _ := v.at(path).(bool)
	return b
}

func (v Values) list(path string) []any {
	l, _ := v.at(path).([]any)
	return l
}

// objects returns the elements of a list of objects.
func (v Values) objects(path string) []Values {
	var all []Values
	for _, element := range v.list(path) {
		all = append(all, asMap(element))
	}
	return all
}

// set sets the value at a dotted path and creates the objects on the path.
func (v Values) set(path string, value any) {
	keys := strings.Split(path, ".")
	here := map[string]any(v)
	for _, key := range keys[:len(keys)-1] {
		next, ok := here[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			here[key] = next
		}
		here = next
	}
	here[keys[len(keys)-1]] = value
}

func (v Values) clone() Values { return runtime.DeepCopyJSON(v) }

// empty reports whether the API treats a value as absent.
func empty(v any) bool {
	switch in := v.(type) {
	case nil:
		return true
	case string:
		return in == ""
	case bool:
		return !in
	case float64:
		return in == 0
	case []any:
		return len(in) == 0
	case map[string]any:
		for _, value := range in {
			if !empty(value) {
				return false
			}
		}
		return true
	}
	return false
}
