package faults

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

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
	var at any = values
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	for i, part := range parts {
		lastPart := i == len(parts)-1
		switch holder := at.(type) {
		case map[string]any:
			if !lastPart {
				at = holder[part]
				continue
			}
			other := another(holder[part])
			if other == nil {
				return false
			}
			holder[part] = other
			return true
		case []any:
			n, err := strconv.Atoi(part)
			if err != nil || n >= len(holder) {
				return false
			}
			if !lastPart {
				at = holder[n]
				continue
			}
			other := another(holder[n])
			if other == nil {
				return false
			}
			holder[n] = other
			return true
		}
		return false
	}
	return false
}

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
	for _, c := range batch {
		for i := range d.Resources {
			r := &d.Resources[i]
			if r.URN != c.target.urn {
				continue
			}
			if !c.target.google {
				relabel(r.Inputs, r.Outputs)
				continue
			}
			path := changeable(string(r.Type), r.Inputs, r.Outputs)
			edit(r.Inputs, path)
			edit(r.Outputs, path)
			if has := inCloud[c.target.key]; has != nil {
				for _, side := range []string{"inputs", "outputs"} {
					if values, ok := has[side].(map[string]any); ok {
						edit(values, path)
					}
				}
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
