package cloud

import (
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	"sglang-tpu/emulator/internal/core/cloud/schema"
	"sglang-tpu/emulator/internal/property"
)

// Change is a property that an update would change.
type Change struct {
	Path    string
	Replace bool
}

// Diff compares inputs with the state as the provider does. A property that the program omits
// is unchanged if the schema marks it as computed, and a change if Google sets it without that
// mark. ignored are the program's ignoreChanges.
func Diff(typ string, state, inputs Values, ignored []string) ([]Change, error) {
	if _, err := kindOf(typ); err != nil {
		return nil, err
	}
	properties := schema.Of(typ)
	d := differ{typ: typ, skip: ignored}
	// A state that another version of the emulator wrote may lack defaults.
	d.level(properties, "", "", withDefaults(properties, inputs, inputs), withDefaults(properties, state, state))
	slices.SortFunc(d.found, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return d.found, nil
}

type differ struct {
	typ   string
	skip  []string // paths
	found []Change
}

// level compares the properties of one level. path has indices and map keys; plain is the
// same path without them, as in the schema.
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
		for key := range sets.KeySet(old).Union(sets.KeySet(now)) {
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

// sameSet reports whether two sets have equal elements, in any order.
func (d *differ) sameSet(p *schema.Property, plain string, inputs, state []any) bool {
	if len(inputs) != len(state) {
		return false
	}
	rest := slices.Clone(state)
	for _, element := range inputs {
		i := slices.IndexFunc(rest, func(candidate any) bool {
			one := differ{typ: d.typ}
			one.element(p, plain, plain, element, candidate)
			return len(one.found) == 0
		})
		if i < 0 {
			return false
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return true
}

func (d *differ) report(path string, replace bool) {
	if !property.Covered(path, d.skip) {
		d.found = append(d.found, Change{Path: path, Replace: replace})
	}
}

// unset reports whether the program omits a property. Terraform's SDK treats an empty list of
// blocks as omitted.
func unset(p *schema.Property, inputs any) bool {
	return inputs == nil || p.Inside != nil && p.Kind != schema.Object && inputs != Unknown && len(asList(inputs)) == 0
}

// forcesNewInside reports whether adding or removing a block replaces the resource: one of the
// properties set in it does.
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
	m, _ := v.(map[string]any)
	return m
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

func same(a, b any) bool { return empty(a) && empty(b) || reflect.DeepEqual(a, b) }
