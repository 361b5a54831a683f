package cloud

import (
	"fmt"
	"reflect"
	"strings"
)

// Values are a resource's properties as plain JSON.
type Values map[string]any

// at follows a dotted path; a missing value is nil.
func (v Values) at(path string) any {
	var here any = map[string]any(v)
	for _, key := range strings.Split(path, ".") {
		m, ok := here.(map[string]any)
		if !ok {
			return nil
		}
		here = m[key]
	}
	return here
}

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

// set puts a value at a dotted path, making the objects on the way.
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

func (v Values) clone() Values { return copyOf(map[string]any(v)).(map[string]any) }

// Merge is a state after an update: what the new wish says, without what the old one
// said and the new one does not, and with everything else that Google had filled in.
func Merge(state, oldWish, wish Values) Values {
	return merged(state, oldWish, wish)
}

func merged(state, oldWish, wish map[string]any) map[string]any {
	out, _ := copyOf(state).(map[string]any)
	for key := range oldWish {
		if _, still := wish[key]; !still {
			delete(out, key)
		}
	}
	for key, value := range wish {
		wished, isMap := value.(map[string]any)
		had, hadMap := out[key].(map[string]any)
		if isMap && hadMap {
			old, _ := oldWish[key].(map[string]any)
			out[key] = merged(had, old, wished)
			continue
		}
		out[key] = copyOf(value)
	}
	return out
}

func copyOf(v any) any {
	switch in := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(in))
		for key, value := range in {
			out[key] = copyOf(value)
		}
		return out
	case []any:
		out := make([]any, len(in))
		for i := range in {
			out[i] = copyOf(in[i])
		}
		return out
	default:
		return v
	}
}

// empty is what the API does not tell from absence.
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

// changes lists the dotted paths at which a wish differs from a state. What the wish
// leaves out is no change: the API fills it.
func changes(path string, wish, state any) []string {
	if m, ok := wish.(map[string]any); ok {
		old, _ := state.(map[string]any)
		var found []string
		for key, value := range m {
			found = append(found, changes(join(path, key), value, old[key])...)
		}
		return found
	}
	if l, ok := wish.([]any); ok {
		old, _ := state.([]any)
		if len(l) != len(old) {
			return []string{path}
		}
		var found []string
		for i := range l {
			found = append(found, changes(fmt.Sprintf("%s[%d]", path, i), l[i], old[i])...)
		}
		return found
	}
	if (empty(wish) && empty(state)) || reflect.DeepEqual(wish, state) {
		return nil
	}
	return []string{path}
}

// dropped lists the paths that the old wish had and the new one has no more.
func dropped(path string, old, wish any) []string {
	m, ok := old.(map[string]any)
	if !ok {
		return nil
	}
	now, _ := wish.(map[string]any)
	var found []string
	for key, value := range m {
		if _, still := now[key]; !still {
			if !empty(value) {
				found = append(found, join(path, key))
			}
			continue
		}
		found = append(found, dropped(join(path, key), value, now[key])...)
	}
	return found
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
