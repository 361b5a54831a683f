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

// relabel gives an object of a state, its inputs and what it is, another value of the same property, as an earlier version
// of the program could have had it: a label, or something of which there is one in its kind.
func relabel(inputs, object map[string]any) {
	meta, _ := inputs["metadata"].(map[string]any)
	live, _ := object["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	has, _ := live["labels"].(map[string]any)
	if len(labels) > 0 && has != nil {
		key := slices.Min(slices.Collect(maps.Keys(labels)))
		labels[key], has[key] = "earlier", "earlier"
		return
	}
	for _, path := range []string{
		"rules[0].verbs[0]", "automountServiceAccountToken", "webhooks[0].timeoutSeconds", "webhooks[0].failurePolicy",
		"spec.names.shortNames[0]", "spec.names.singular", "spec.policyTypes[0]", "type",
	} {
		if edit(object, path) {
			edit(inputs, path)
			return
		}
	}
}
