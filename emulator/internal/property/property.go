// Package property handles Pulumi's property paths, such as spec.containers[0]["a.b/c"], for
// the emulator and the review.
package property

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// At returns the value at a path, nil if there is none. An object for which whole holds is
// returned for all paths into it; whole may be nil.
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

// Join adds a key, which may have dots in it.
func Join(path, key string) string {
	switch {
	case strings.ContainsAny(key, "./"):
		return path + `["` + key + `"]`
	case path == "":
		return key
	}
	return path + "." + key
}

// Index adds an index.
func Index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// Covered reports whether a path, or one above it, is among some.
func Covered(path string, some []string) bool {
	for _, p := range some {
		if rest, ok := strings.CutPrefix(path, p); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
