package node

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The cases are Kubernetes' rules for references to variables.
func TestReferencesToVariablesAreExpanded(t *testing.T) {
	values := map[string]string{"A": "a", "EMPTY": "", "REF": "$(A)"}
	for text, want := range map[string]string{
		"plain $ and $A and 5$": "plain $ and $A and 5$",
		"$(A)$(EMPTY)-$(A)":     "a-a",
		"$(B)":                  "$(B)",
		"$$(A)":                 "$(A)",
		"$$$(A)":                "$a",
		"$(REF)":                "$(A)",
		"$(A":                   "$(A",
		"$$":                    "$",
	} {
		assert.Equal(t, want, expand(text, values), text)
	}
}
