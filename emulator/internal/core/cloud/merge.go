package cloud

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime"

	"sglang-tpu/emulator/internal/core/cloud/schema"
	"sglang-tpu/emulator/internal/property"
)

// Merge returns the state after an update: the inputs with the provider's defaults, Google's
// values of omitted computed properties, and the old values of properties that updates do not
// change. ignored are the program's ignoreChanges.
func Merge(typ string, state, inputs Values, ignored []string) Values {
	m := merger{typ: typ, skip: ignored}
	properties := schema.Of(typ)
	return m.level(properties, "", "", state, withDefaults(properties, inputs, inputs))
}

// stored returns the inputs as Google stores them after an update: Merge without the
// provider's defaults.
func stored(typ string, before, inputs Values, ignored []string) Values {
	m := merger{typ: typ, skip: ignored}
	return m.level(schema.Of(typ), "", "", before, inputs)
}

type merger struct {
	typ  string
	skip []string // paths
}

func (m merger) level(level []*schema.Property, path, plain string, had, inputs map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range had {
		if p := schema.Find(level, name); p == nil || p.Output { // such as an ID or address
			out[name] = runtime.DeepCopyJSONValue(value)
		}
	}
	for _, p := range level {
		if p.Output {
			continue
		}
		if value := m.property(p, property.Join(path, p.Name), property.Join(plain, p.Name), had[p.Name], inputs[p.Name]); value != nil {
			out[p.Name] = value
		}
	}
	return out
}

func (m merger) property(p *schema.Property, path, plain string, had, inputs any) any {
	switch {
	case slices.Contains(notUpdated[m.typ], plain), had != nil && property.Covered(path, m.skip):
		return runtime.DeepCopyJSONValue(had)
	case unset(p, inputs) && p.Computed:
		return runtime.DeepCopyJSONValue(had)
	case p.Kind == schema.Object && asMap(had) != nil && asMap(inputs) != nil:
		return m.level(p.Inside, path, plain, asMap(had), asMap(inputs))
	case p.Kind == schema.List && p.Inside != nil && len(asList(had)) == len(asList(inputs)):
		var all []any
		for i, element := range asList(inputs) {
			one := asMap(element)
			if before := asMap(asList(had)[i]); one != nil && before != nil {
				element = m.level(p.Inside, property.Index(path, i), plain, before, one)
			}
			all = append(all, runtime.DeepCopyJSONValue(element))
		}
		if all == nil {
			return runtime.DeepCopyJSONValue(inputs)
		}
		return all
	}
	return runtime.DeepCopyJSONValue(inputs)
}

// withDefaults returns a copy of one level, with the schema's defaults for omitted properties
// unless they conflict with a property that is set.
func withDefaults(level []*schema.Property, values map[string]any, root Values) map[string]any {
	out := runtime.DeepCopyJSON(values)
	for _, p := range level {
		value, given := out[p.Name]
		switch {
		case given && value != nil:
			out[p.Name] = defaultsInside(p, value, root)
		case p.Default != nil && !conflicts(p, root):
			out[p.Name] = p.Default
		}
	}
	return out
}

func defaultsInside(p *schema.Property, value any, root Values) any {
	if p.Inside == nil {
		return value
	}
	if m := asMap(value); m != nil {
		return withDefaults(p.Inside, m, root)
	}
	if l, ok := value.([]any); ok {
		for i := range l {
			l[i] = defaultsInside(p, l[i], root)
		}
	}
	return value
}

func conflicts(p *schema.Property, root Values) bool {
	return slices.ContainsFunc(p.Conflict, func(path string) bool { return root.at(path) != nil })
}
