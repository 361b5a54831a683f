package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// As sglang-jax's get_context_length derives it.
func TestOverridesChangeTheContext(t *testing.T) {
	m := Model{ID: "org/model", Context: 32768}
	for text, want := range map[string][2]int{ // context, and what --context-length may be
		`{}`: {32768, 32768},
		`{"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}`:                                                   {131072, 131072},
		`{"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}}`:             {32768, 131072},
		`{"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}`:                                                 {32768, 262144},
		`{"rope_scaling": {"rope_type": "yarn", "factor": 0.5, "original_max_position_embeddings": 32768}}`:        {32768, 32768},
		`{"rope_scaling": {"rope_type": "default"}}`:                                                               {32768, 32768},
		`{"max_position_embeddings": 65536}`:                                                                       {65536, 65536},
		`{"max_position_embeddings": 65536, "seq_length": 16384}`:                                                  {16384, 16384},
		`{"max_position_embeddings": 65536, "rope_scaling": {"rope_type": "yarn", "factor": 2.0}, "other": "key"}`: {131072, 131072},
	} {
		changed, reach, err := m.Overridden(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, [2]int{changed.Context, reach}, text)
	}
	for _, text := range []string{`{"rope_scaling": {"factor": 4.0}}`, `{"rope_scaling": {"rope_type": "linear"}}`, `{"max_position_embeddings": "long"}`} {
		_, _, err := m.Overridden(text)
		assert.Error(t, err, text)
	}
}
