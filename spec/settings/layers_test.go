package settings

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/spec/gke"
)

// A setting that belongs to one layer and does not say so is silently ignored by the other.
func TestEverySettingHasALayer(t *testing.T) {
	for _, f := range fieldsOf(reflect.TypeFor[Settings]()) {
		if f.retired() {
			continue
		}
		assert.Contains(t, []string{"all", gke.Platform, gke.Endpoint}, f.Tag.Get("layer"), "%s in settings.go needs layer:\"all\", \"platform\" or \"endpoint\"", f.name)
	}
}
