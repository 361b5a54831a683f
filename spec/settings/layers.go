package settings

import (
	"reflect"
	"regexp"

	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/names"
)

// stackReference matches the full name of a stack. In a self-managed backend, the
// organization is the word organization.
var stackReference = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)

// checkLayer checks the layer and its settings. It runs before the defaults that depend on
// other settings are set.
func (l *loader) checkLayer() {
	switch key := keyOf("platform"); {
	case l.Layer == gke.Endpoint && l.Platform == "":
		l.found.Add(key, "", "is empty, but layer is endpoint", "name the stack of the platform: ORGANIZATION/PROJECT/STACK (in a self-managed backend, ORGANIZATION is the word organization)")
	case l.Layer != gke.Endpoint && l.Platform != "":
		l.found.Add(key, l.Platform, "is allowed only with layer endpoint, and layer is "+l.Layer, "remove it, or set layer to endpoint")
	case l.Platform != "" && !stackReference.MatchString(l.Platform):
		l.found.Add(key, l.Platform, "is not the full name of a stack", "use ORGANIZATION/PROJECT/STACK (in a self-managed backend, ORGANIZATION is the word organization)")
	}
	switch l.Layer {
	case gke.Platform:
		l.rejectLayer(gke.Endpoint, "an endpoint", "", reflect.ValueOf(l.Settings))
	case gke.Endpoint:
		l.rejectLayer(gke.Platform, "the platform", "", reflect.ValueOf(l.Settings))
	}
	if l.Namespace != "" {
		l.check(keyOf("namespace"), names.CheckNamespace(l.Namespace))
	}
}

// rejectLayer rejects the settings of another layer, which of names in messages. A field of an
// object of both layers may belong to one.
func (l *loader) rejectLayer(layer, of, key string, object reflect.Value) {
	for _, f := range fieldsOf(object.Type()) {
		given := object.FieldByIndex(f.Index)
		switch {
		case f.Tag.Get("layer") == layer && !f.isDefault(given):
			l.found.Add(f.path(key), scalar(given), "is a setting of "+of+", and layer is "+l.Layer, "set it in the stack of "+of)
		case f.Tag.Get("layer") == "all" && given.Kind() == reflect.Struct:
			l.rejectLayer(layer, of, f.path(key), given)
		}
	}
}
