package property

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestValuesAreFoundByJoinedPaths(t *testing.T) {
	value := map[string]any{
		"spec":     map[string]any{"containers": []any{map[string]any{"name": "a"}, map[string]any{"name": "b"}}},
		"metadata": map[string]any{"labels": map[string]any{"a.b/c": "x"}},
		"secret":   map[string]any{"marked": true, "text": "x"},
	}
	for path, want := range map[string]any{
		Join(Index(Join(Join("", "spec"), "containers"), 1), "name"): "b",
		Join(Join(Join("", "metadata"), "labels"), "a.b/c"):          "x",
		"spec.containers[2].name":                                    nil,
		"spec.containers.name":                                       nil,
		"spec.containers[0].name.first":                              nil,
		"nothing":                                                    nil,
		"spec[":                                                      nil,
		"secret.text":                                                value["secret"],
		"secret":                                                     value["secret"],
	} {
		assert.Equal(t, want, At(value, path, func(o map[string]any) bool { return o["marked"] == true }), path)
	}
	assert.Equal(t, "x", At(value, "secret.text", nil))
}

func TestAPathCoversItsSubpaths(t *testing.T) {
	for path, want := range map[string]bool{
		"a": true, "a.b": true, "a[0]": true, "ab": false, "b": false, "b.c": true, "b.c[1].d": true, "b.cd": false, "": false,
	} {
		assert.Equal(t, want, Covered(path, []string{"a", "b.c"}), path)
	}
}
