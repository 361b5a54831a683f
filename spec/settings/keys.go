package settings

import (
	"errors"
	"sort"
	"strings"

	"sglang-tpu/spec/spelling"
)

// Keys are all settings in the order in which a reader wants them.
func Keys() []string {
	var keys []string
	for _, namespace := range []string{"gcp", "sglang-tpu"} {
		for _, name := range namespaces[namespace] {
			keys = append(keys, namespace+":"+name)
		}
	}
	return keys
}

// checkKeys refuses keys that nobody reads: ignoring one would deploy something else
// than was asked for.
func checkKeys(keys []string) error {
	sort.Strings(keys)
	var errs []error
	for _, key := range keys {
		namespace, name, _ := strings.Cut(key, ":")
		known, ours := namespaces[namespace]
		if !ours || contains(known, name) {
			continue
		}
		remedy := "remove it, or use one of " + list(known)
		if namespace == "gcp" {
			remedy = "remove it; credentials come from: gcloud auth application-default login"
		}
		errs = append(errs, invalid(key, "", "is not a setting"+meant(name, known), remedy))
	}
	return errors.Join(errs...)
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// meant says which of the names somebody probably meant; nothing if none is near.
func meant(name string, known []string) string { return spelling.Meant(name, known) }
