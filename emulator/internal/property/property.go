// Package property handles Pulumi's property paths, such as spec.containers[0]["a.b/c"].
package property

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// At returns the value at a path, or nil. If whole is not nil and returns true for an object,
// that object is returned for all paths into it.
func At(value any, path string, whole func(map[string]any) bool) any {
	parts, err := resource.ParsePropertyPath(path)
	if err != nil {
		return nil
	}
	for _, part := range parts {
		switch holder := value.(type) {
		case map[string]any:
			if whole != nil && whole(holder) {
				return holder
			}
			key, _ := part.(string)
			value = holder[key]
		case []any:
			i, ok := part.(int)
			if !ok || i < 0 || i >= len(holder) {
				return nil
			}
			value = holder[i]
		default:
			return nil
		}
	}
	return value
}

// Join appends a key, which may contain dots.
func Join(path, key string) string {
	switch {
	case strings.ContainsAny(key, "./"):
		return path + `["` + key + `"]`
	case path == "":
		return key
	}
	return path + "." + key
}

// Index appends an index.
func Index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// Covered reports whether some contains a path or a prefix of it.
func Covered(path string, some []string) bool {
	for _, p := range some {
		if rest, ok := strings.CutPrefix(path, p); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
