package model

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/serverargs"
)

// OverridesFlag changes what the server reads in a model's config.json.
const OverridesFlag = "--json-model-override-args"

// ropeTypes are the types of position scaling that sglang-jax supports (get_rope in
// layers/embeddings.py).
var ropeTypes = []string{"default", "llama3", "proportional", "yarn"}

// overrides are the keys of config.json that determine the context.
type overrides struct {
	RopeScaling *struct {
		RopeType string  `json:"rope_type"`
		Type     string  `json:"type"`
		Factor   float64 `json:"factor"`
		Original float64 `json:"original_max_position_embeddings"`
	} `json:"rope_scaling"`
	// The server uses the first of these that is set.
	MaxSequenceLength     int `json:"max_sequence_length"`
	SeqLength             int `json:"seq_length"`
	MaxSeqLen             int `json:"max_seq_len"`
	ModelMaxLength        int `json:"model_max_length"`
	MaxPositionEmbeddings int `json:"max_position_embeddings"`
}

// Overridden returns the model as changed by --json-model-override-args, and the maximum
// --context-length that its scaled positions allow. In sglang-jax's get_context_length, a
// factor extends the context by itself, unless the scaling names the original context: then
// the user has to set --context-length.
func (m Model) Overridden(text string) (Model, int, error) {
	var o overrides
	if json.Unmarshal([]byte(text), &o) != nil {
		return m, 0, serverargs.Refused(OverridesFlag, fmt.Sprintf("%q contains a value whose type differs from config.json's", text), "compare it with the model's config.json")
	}
	for _, tokens := range []int{o.MaxSequenceLength, o.SeqLength, o.MaxSeqLen, o.ModelMaxLength, o.MaxPositionEmbeddings} {
		if tokens > 0 {
			m.Context = tokens
			break
		}
	}
	r := o.RopeScaling
	if r == nil {
		return m, m.Context, nil
	}
	r.RopeType = cmp.Or(r.RopeType, r.Type)
	if !slices.Contains(ropeTypes, r.RopeType) {
		return m, 0, problem.Problem{
			Why:    fmt.Sprintf("%s: rope_scaling has the rope_type %q, which the server does not know", OverridesFlag, r.RopeType),
			Remedy: "use " + strings.Join(ropeTypes, ", "),
		}
	}
	factor := max(r.Factor, 1)
	if r.Original > 0 || r.RopeType == "llama3" {
		return m, max(m.Context, int(factor*cmp.Or(r.Original, float64(m.Context)))), nil
	}
	m.Context = int(factor * float64(m.Context))
	return m, m.Context, nil
}

// reach returns the longest context that --context-length may set.
func (s Settings) reach(m Model) int { return max(m.Context, s.Reach) }
