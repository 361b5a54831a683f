package faults

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestEveryObjectGetsALabelThatTheProgramDoesNotGiveIt has the shapes of the controller's chart: some objects have no
// label, and the Secret has nothing but a name.
func TestEveryObjectGetsALabelThatTheProgramDoesNotGiveIt(t *testing.T) {
	for name, one := range map[string]struct {
		labels map[string]any
		key    string
	}{
		"with labels":     {map[string]any{"b": "2", "a": "1"}, "a"},
		"without a label": {nil, absent},
	} {
		t.Run(name, func(t *testing.T) {
			object := func() map[string]any {
				meta := map[string]any{"name": "x"}
				if one.labels != nil {
					meta["labels"] = deepCopy(one.labels)
				}
				return map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": meta}
			}
			inputs, live, recorded := object(), object(), object()
			live["type"], live["__inputs"] = "Opaque", recorded
			relabel(inputs, live)
			for side, values := range map[string]map[string]any{"inputs": inputs, "live": live, "recorded inputs": recorded} {
				labels := within(within(values, "metadata"), "labels")
				assert.Equal(t, "earlier", labels[one.key], side)
				labels[one.key] = one.labels[one.key]
				assert.Len(t, labels, max(len(one.labels), 1), "%s: nothing else is added", side)
			}
			assert.Equal(t, "Opaque", live["type"])
		})
	}
}
