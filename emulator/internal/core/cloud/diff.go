package cloud

import (
	"reflect"
	"sort"

	"sglang-tpu/emulator/internal/core/cloud/schema"
	"sglang-tpu/emulator/internal/property"
)

// Change is one property that an update would change.
type Change struct {
	Path    string
	Replace bool
}

// Diff compares inputs with the state, the way the provider does. What the program
// leaves out and Google fills in is no change; what Google sets although the schema
// does not say so is one. Paths in ignored are the program's ignoreChanges.
func Diff(typ string, state, inputs Values, ignored []string) ([]Change, error) {
	if _, err := kindOf(typ); err != nil {
		return nil, err
	}
	properties := schema.Of(typ)
	d := differ{typ: typ, skip: ignored}
	// A state that another version of the emulator left has no defaults in it.
	d.level(properties, "", "", withDefaults(properties, inputs, inputs), withDefaults(properties, state, state))
	sort.Slice(d.found, func(i, j int) bool { return d.found[i].Path < d.found[j].Path })
	return d.found, nil
}

type differ struct {
	typ   string
	skip  []string // paths
	found []Change
}

// level compares the properties of one level. path is what people read, plain the same
// without indices and keys, as the schema has it.
func (d *differ) level(level []*schema.Property, path, plain string, inputs, state map[string]any) {
	for _, p := range level {
		if !p.Output {
			d.property(p, property.Join(path, p.Name), property.Join(plain, p.Name), inputs[p.Name], state[p.Name])
		}
	}
}

func (d *differ) property(p *schema.Property, path, plain string, inputs, state any) {
	if unset(p, inputs) && p.Computed || empty(inputs) && empty(state) {
		return
	}
	old, now := asMap(state), asMap(inputs)
	switch {
	case p.Kind == schema.Object && old != nil && now != nil:
		d.level(p.Inside, path, plain, now, old)
	case p.Kind == schema.Map && inputs != Unknown:
		for key := range union(old, now) {
			if !same(now[key], old[key]) {
				d.report(property.Join(path, key), p.ForceNew)
			}
		}
	case p.Kind == schema.List && len(asList(inputs)) == len(asList(state)) && inputs != Unknown:
		for i, element := range asList(inputs) {
			d.element(p, property.Index(path, i), plain, element, asList(state)[i])
		}
	case p.Kind == schema.Set && d.sameSet(p, plain, asList(inputs), asList(state)) && inputs != Unknown:
	case p.Kind == schema.Object || p.Kind == schema.List || p.Kind == schema.Set:
		d.report(path, p.ForceNew || forcesNewInside(p.Inside, inputs) || forcesNewInside(p.Inside, state))
	case same(inputs, state) || suppressed(d.typ, plain, inputs, state):
	default:
		d.report(path, p.ForceNew || forcesNewByCode(d.typ, plain, state, inputs))
	}
}

func (d *differ) element(p *schema.Property, path, plain string, inputs, state any) {
	if p.Inside != nil && asMap(inputs) != nil && asMap(state) != nil {
		d.level(p.Inside, path, plain, asMap(inputs), asMap(state))
	} else if !same(inputs, state) {
		d.report(path, p.ForceNew)
	}
}

// sameSet pairs the elements of two sets.
func (d *differ) sameSet(p *schema.Property, plain string, inputs, state []any) bool {
	if len(inputs) != len(state) {
		return false
	}
	used := make([]bool, len(state))
	for _, element := range inputs {
		found := false
		for i := range state {
			if used[i] {
				continue
			}
			one := differ{typ: d.typ}
			one.element(p, plain, plain, element, state[i])
			if found = len(one.found) == 0; found {
				used[i] = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func (d *differ) report(path string, replace bool) {
	if !property.Covered(path, d.skip) {
		d.found = append(d.found, Change{Path: path, Replace: replace})
	}
}

// unset reports whether a program does not set a property. An empty list of blocks is
// none, in Terraform's SDK.
func unset(p *schema.Property, inputs any) bool {
	return inputs == nil || p.Inside != nil && p.Kind != schema.Object && inputs != Unknown && len(asList(inputs)) == 0
}

// forcesNewInside reports whether something that is set below a block replaces, and so
// does the block when it comes or goes.
func forcesNewInside(level []*schema.Property, value any) bool {
	for _, element := range asList(value) {
		if forcesNewInside(level, element) {
			return true
		}
	}
	values := asMap(value)
	for _, p := range level {
		if v := values[p.Name]; !empty(v) && (p.ForceNew || forcesNewInside(p.Inside, v)) {
			return true
		}
	}
	return false
}

func asMap(v any) map[string]any {
	switch m := v.(type) {
	case map[string]any:
		return m
	case Values:
		return m
	}
	return nil
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

func union(a, b map[string]any) map[string]any {
	all := map[string]any{}
	for key := range a {
		all[key] = nil
	}
	for key := range b {
		all[key] = nil
	}
	return all
}

func same(a, b any) bool { return empty(a) && empty(b) || reflect.DeepEqual(a, b) }
