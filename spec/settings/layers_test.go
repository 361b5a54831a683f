package settings

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/spec/gke"
)

var layers = []string{"all", gke.Platform, gke.Endpoint}

// A setting that belongs to one layer and does not say so is silently ignored by the other.
func TestEverySettingHasALayer(t *testing.T) {
	for _, f := range fieldsOf(reflect.TypeFor[Settings]()) {
		if f.retired() {
			continue
		}
		assert.Contains(t, layers, f.Tag.Get("layer"), "%s in settings.go needs layer:\"all\", \"platform\" or \"endpoint\"", f.name)
	}
}

func TestEitherAllFieldsOfAnObjectHaveALayerOrNone(t *testing.T) {
	tagged := 0
	for _, object := range fieldsOf(reflect.TypeFor[Settings]()) {
		if object.Type.Kind() != reflect.Struct || len(fieldsOf(object.Type)) == 0 {
			continue
		}
		fields := fieldsOf(object.Type)
		_, has := fields[0].Tag.Lookup("layer")
		for _, f := range fields {
			if !has {
				assert.Empty(t, f.Tag.Get("layer"), "%s.%s", object.name, f.name)
				continue
			}
			tagged++
			assert.Equal(t, "all", object.Tag.Get("layer"), object.name)
			assert.Contains(t, layers, f.Tag.Get("layer"), "%s.%s", object.name, f.name)
		}
	}
	assert.Equal(t, 12, tagged, "of image and serviceAccounts")
}
