package settings

import (
	"reflect"
	"slices"
	"strings"

	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/spelling"
)

// Keys are all settings by their full key, in the order in which a reader wants them.
func Keys() []string {
	var keys []string
	for _, name := range namesIn(reflect.TypeFor[Settings]()) {
		keys = append(keys, keyOf(name))
	}
	return keys
}

// keyOf is the full key of a setting.
func keyOf(name string) string {
	if strings.Contains(name, ":") {
		return name
	}
	return Namespace + ":" + name
}

// checkKeys refuses keys that nobody reads, in the namespaces of this program, of the project
// and of the gcp provider, and in one that is misspelt: an ignored key would deploy another configuration.
func checkKeys(keys []string, project string) problem.List {
	known := map[string][]string{} // by namespace
	for _, key := range Keys() {
		namespace, name, _ := strings.Cut(key, ":")
		known[namespace] = append(known[namespace], name)
	}
	known[project] = known[Namespace]
	var found problem.List
	for _, key := range slices.Sorted(slices.Values(keys)) {
		namespace, name, _ := strings.Cut(key, ":")
		names, ours := known[namespace]
		if meant := spelling.Suggestion(namespace, []string{Namespace}); !ours && meant != "" {
			found.Add(key, "", "is in a namespace that nobody reads"+meant, "use "+Namespace+":"+name)
			continue
		}
		if !ours || slices.Contains(names, name) {
			continue
		}
		remedy := "remove it, or use one of " + list(names)
		if namespace == "gcp" {
			remedy = "remove it; credentials come from: gcloud auth application-default login"
		}
		found.Add(key, "", "is not a setting"+spelling.Suggestion(name, names), remedy)
	}
	return found
}
