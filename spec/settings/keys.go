package settings

import (
	"reflect"
	"slices"
	"strings"

	"sglang-tpu/spec/spelling"
)

// Keys returns the full keys of all settings, in the order of the documentation.
func Keys() []string {
	var keys []string
	for _, name := range namesIn(reflect.TypeFor[Settings]()) {
		keys = append(keys, keyOf(name))
	}
	return keys
}

// keyOf returns the full key of a setting.
func keyOf(name string) string {
	if strings.Contains(name, ":") {
		return name
	}
	return Namespace + ":" + name
}

// path is the key of a field of an object; the object's key is empty for all settings.
func (f field) path(object string) string {
	if object == "" {
		return keyOf(f.name)
	}
	return object + "." + f.name
}

// checkKeys rejects unknown keys in the namespaces of this program, of the project and of the gcp
// provider, and in misspelt namespaces: an ignored key would deploy a different configuration.
func (l *loader) checkKeys() {
	known := map[string][]string{} // by namespace
	for _, key := range Keys() {
		namespace, name, _ := strings.Cut(key, ":")
		known[namespace] = append(known[namespace], name)
	}
	known[l.source.Project] = known[Namespace]
	for _, key := range slices.Sorted(slices.Values(l.source.Keys)) {
		namespace, name, _ := strings.Cut(key, ":")
		names, ours := known[namespace]
		if suggestion := spelling.Suggestion(namespace, []string{Namespace}); !ours && suggestion != "" {
			l.found.Add(key, "", "is in a namespace that this program does not read"+suggestion, "use "+Namespace+":"+name)
			continue
		}
		if !ours || slices.Contains(names, name) {
			continue
		}
		remedy := "remove it, or use one of " + list(names)
		if namespace == "gcp" {
			remedy = "remove it; credentials come from: gcloud auth application-default login"
		}
		l.found.Add(key, "", "is not a setting"+spelling.Suggestion(name, names), remedy)
	}
}
