package settings

import (
	"reflect"
	"regexp"

	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/problem"
)

// stackReference matches the full name of a stack. In a self-managed backend, the
// organization is the word organization.
var stackReference = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)

// checkLayer checks the layer and its settings. It runs before the defaults that depend on
// other settings are set.
func checkLayer(s Settings) problem.List {
	var found problem.List
	switch key := keyOf("platform"); {
	case s.Layer == gke.Endpoint && s.Platform == "":
		found.Add(key, "", "is empty, but layer is endpoint", "name the stack of the platform: ORGANIZATION/PROJECT/STACK (in a self-managed backend, ORGANIZATION is the word organization)")
	case s.Layer != gke.Endpoint && s.Platform != "":
		found.Add(key, s.Platform, "is allowed only with layer endpoint, and layer is "+s.Layer, "remove it, or set layer to endpoint")
	case s.Platform != "" && !stackReference.MatchString(s.Platform):
		found.Add(key, s.Platform, "is not the full name of a stack", "use ORGANIZATION/PROJECT/STACK (in a self-managed backend, ORGANIZATION is the word organization)")
	}
	foreign := map[string]string{gke.Platform: gke.Endpoint, gke.Endpoint: gke.Platform}[s.Layer]
	of := map[string]string{gke.Platform: "an endpoint", gke.Endpoint: "the platform"}[s.Layer]
	for _, f := range fieldsOf(reflect.TypeFor[Settings]()) {
		if f.Tag.Get("layer") != foreign {
			continue
		}
		for _, given := range nonDefault(s, "", f.name) {
			found.Add(keyOf(f.name), given.Value, "is a setting of "+of+", and layer is "+s.Layer, "set it in the stack of "+of)
		}
	}
	if s.Layer == gke.Platform {
		for _, given := range nonDefault(s.Image, imageKey) {
			if given.Key != imageKey+".registry" {
				found.Add(given.Key, given.Value, "is a setting of an endpoint, and layer is platform", "set it in the stack of an endpoint")
			}
		}
		if s.ServiceAccounts.Builder != "" {
			found.Add(accountsKey+".builder", s.ServiceAccounts.Builder, "is a setting of an endpoint, and layer is platform", "set it in the stack of an endpoint")
		}
	}
	if s.Layer == gke.Endpoint {
		if s.ServiceAccounts.Nodes != "" {
			found.Add(accountsKey+".nodes", s.ServiceAccounts.Nodes, "is a setting of the platform, and layer is endpoint", "set it in the stack of the platform")
		}
	}
	if s.Namespace != "" {
		found = append(found, problem.Of(keyOf("namespace"), names.CheckNamespace(s.Namespace))...)
	}
	return found
}
