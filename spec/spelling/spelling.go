// Package spelling suggests corrections for misspelt names.
package spelling

import (
	"strings"

	"github.com/agext/levenshtein"
)

// Suggestion returns the name that was probably intended, such as " (did you mean
// topology?)"; empty if no name is similar.
func Suggestion(name string, known []string) string {
	best := Nearest(name, known)
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// Nearest is the name that was probably intended; empty if none is near.
func Nearest(name string, known []string) string {
	best, near := "", max(2, len(name)/4)+1
	for _, candidate := range known {
		if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(candidate), nil); d < near {
			best, near = candidate, d
		}
	}
	return best
}
