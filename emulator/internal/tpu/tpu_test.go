package tpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestChips(t *testing.T) {
	for topology, want := range map[string]int{"1x1x1": 1, "2x2x2": 8, "12x16x24": 4608, "2xtwo": 0, "2x2x2a": 0, "": 0} {
		assert.Equal(t, want, Chips(topology), topology)
	}
}
