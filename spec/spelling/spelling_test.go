package spelling

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheNearestNameIsSuggestion(t *testing.T) {
	known := []string{"topology", "model", "modelRevision"}
	assert.Equal(t, " (did you mean topology?)", Suggestion("Topolgy", known))
	assert.Equal(t, " (did you mean model?)", Suggestion("mode1", known))
	assert.Empty(t, Suggestion("colour", known))
}
