package spelling

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheNearestNameIsMeant(t *testing.T) {
	known := []string{"topology", "model", "modelRevision"}
	assert.Equal(t, " (did you mean topology?)", Meant("Topolgy", known))
	assert.Equal(t, " (did you mean model?)", Meant("mode1", known))
	assert.Empty(t, Meant("colour", known))
}
