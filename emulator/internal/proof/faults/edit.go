package faults

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"sglang-tpu/emulator/internal/proof/world"
)

// deepCopy copies JSON values.
func deepCopy(values map[string]any) map[string]any {
	text, err := json.Marshal(values)
	if err != nil {
		return nil // what was read as JSON can be written
	}
	var same map[string]any
	if json.Unmarshal(text, &same) != nil {
		return nil
	}
	return same
}

// edit gives a property another value of its type; false if it has none to begin with.
func edit(values map[string]any, path string) bool {
	parts, err := resource.ParsePropertyPath(path)
	return err == nil && edited(values, parts) != nil
}

// edited returns a value in which another one is at a path; nil if there is none.
func edited(value any, path resource.PropertyPath) any {
	if len(path) == 0 {
		return another(value)
	}
	switch holder := value.(type) {
	case map[string]any:
		key, _ := path[0].(string)
		if other := edited(holder[key], path[1:]); other != nil {
			holder[key] = other
			return holder
		}
	case []any:
		if i, ok := path[0].(int); ok && i < len(holder) {
			if other := edited(holder[i], path[1:]); other != nil {
				holder[i] = other
				return holder
			}
		}
	}
	return nil
}

// another returns another value of the same type; nil if there is none.
func another(value any) any {
	switch v := value.(type) {
	case bool:
		return !v
	case float64:
		return v + 1
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return nil
		}
		return json.Number(strconv.FormatInt(n+1, 10))
	case string:
		switch {
		case v == "REGIONAL":
			return "GLOBAL"
		case strings.HasPrefix(v, "{"):
			return strings.Replace(v, `"displayName":"`, `"displayName":"earlier `, 1)
		case v != "":
			if n, err := strconv.Atoi(v); err == nil {
				return strconv.Itoa(n + 1)
			}
			return v + "-earlier"
		}
	}
	return nil
}

// age makes the stopped world one in which an earlier version of the program has given these resources other values, in
// the state and, where Google has them, in the cloud: the next pulumi up updates them in place.
func age(w *world.World, batch []cell) error {
	d, write, err := w.Deployment()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(w.Layout.CloudFile())
	if err != nil {
		return err
	}
	var saved map[string]any
	if err := json.Unmarshal(text, &saved); err != nil {
		return err
	}
	inCloud := map[string]map[string]any{}
	for _, entry := range saved["resources"].([]any) {
		r := entry.(map[string]any)
		inCloud[r["type"].(string)+" "+r["id"].(string)] = r
	}
	inState := map[resource.URN]apitype.ResourceV3{}
	for _, r := range d.Resources {
		inState[r.URN] = r
	}
	for _, c := range batch {
		r := inState[c.target.urn]
		if !c.target.google {
			relabel(r.Inputs, r.Outputs)
			continue
		}
		path := changeable(string(r.Type), r.Inputs, r.Outputs)
		for _, values := range []any{r.Inputs, r.Outputs, inCloud[c.target.key]["inputs"], inCloud[c.target.key]["outputs"]} {
			if values, ok := values.(map[string]any); ok {
				edit(values, path)
			}
		}
	}
	if text, err = json.MarshalIndent(saved, "", " "); err != nil {
		return err
	}
	if err := os.WriteFile(w.Layout.CloudFile(), text, 0o600); err != nil {
		return err
	}
	return write()
}

// absent is a label that no object of the program has.
const absent = "earlier-version"

// relabel changes an object of a state as if an earlier version of the program had given it another label: another value
// of one that it has, or one that it does not have any more if it has none. The Kubernetes provider compares the program's
// inputs with the live object, of which it sees what the recorded inputs name (pruneLiveState of pulumi-kubernetes), so a
// label that is gone has to be in all of them.
func relabel(inputs, object map[string]any) {
	key := absent
	if labels := within(within(inputs, "metadata"), "labels"); len(labels) > 0 {
		key = slices.Min(slices.Collect(maps.Keys(labels)))
	}
	sides := []map[string]any{inputs, object}
	if recorded, ok := object["__inputs"].(map[string]any); ok {
		sides = append(sides, recorded)
	}
	for _, side := range sides {
		within(within(side, "metadata"), "labels")[key] = "earlier"
	}
}

// within returns the object under a key, and puts an empty one there if there is none.
func within(values map[string]any, key string) map[string]any {
	inner, ok := values[key].(map[string]any)
	if !ok {
		inner = map[string]any{}
		values[key] = inner
	}
	return inner
}
