package review

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Unprotect takes protection out of a stack's state, of which it returns the protected
// resources' URNs. The engine ends a preview at the first protected resource that it
// would have to delete, so that a reviewer would learn of that one and of no other.
func Unprotect(state []byte) (changed []byte, protected []string, err error) {
	var file map[string]any
	read := json.NewDecoder(bytes.NewReader(state))
	read.UseNumber()
	if err := read.Decode(&file); err != nil {
		return nil, nil, fmt.Errorf("the stack's state: %w", err)
	}
	checkpoint, _ := file["checkpoint"].(map[string]any)
	latest, _ := checkpoint["latest"].(map[string]any)
	resources, _ := latest["resources"].([]any)
	for _, entry := range resources {
		resource, _ := entry.(map[string]any)
		if resource["protect"] == true {
			delete(resource, "protect")
			urn, _ := resource["urn"].(string)
			protected = append(protected, urn)
		}
	}
	changed, err = json.Marshal(file)
	return changed, protected, err
}
