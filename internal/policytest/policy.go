// Package policytest defines the security rules that the stack follows: their sources, the
// settings, and the allowed values. Tests evaluate them on all resources of an environment.
//
// Rules are identified as in CIS GKE Benchmark 1.9 (CIS), checkov (CKV) and trivy (GCP for
// Google Cloud, KSV and KCV for Kubernetes), so that security reviews can refer to them.
package policytest

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Object is a registered resource: its type token, name and inputs as JSON values.
type Object struct {
	Type, Name string
	Fields     map[string]any
}

// Rule is a rule about one setting.
type Rule struct {
	IDs   []string
	Title string
	Of    Kind
	Field string // Pulumi's property path, relative to the subject
	Holds func(value any) bool
	// Breaks are values that must break the rule; Absent means that the setting is missing.
	Breaks []any
	// Except maps the names of subjects that may break the rule to the reason.
	Except map[string]string
}

// Absent in a rule's Breaks stands for a missing setting.
var Absent any = absent{}

type absent struct{}

// Unfollowed is a rule of the same sources that the stack does not follow, or that does not
// apply to it, with the reason.
type Unfollowed struct {
	IDs        []string
	Title, Why string
}

// Finding is a subject that breaks a rule.
type Finding struct {
	Rule    *Rule
	Subject string
	Value   any // nil if it is not set
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s is %v; %s", f.Subject, f.Rule.Field, f.Value, f.Rule.Title)
}

// Subject is a resource, or a part of one such as a pod or a container, to which rules apply.
type Subject struct {
	Object *Object
	Name   string // of the resource, followed by those of pod and container
	Path   string // of the part in the object's fields; empty for the whole resource
	Fields map[string]any
}

// Setting identifies a rule's field in the object. Two rules may be about the same setting.
func (s Subject) Setting(field string) string {
	if s.Path == "" {
		return s.Object.Type + " " + s.Object.Name + " " + field
	}
	return s.Object.Type + " " + s.Object.Name + " " + s.Path + "." + field
}

// Evaluate returns the subjects that break the rule. A graph without subjects is an error,
// because the rule would have no effect.
func (r *Rule) Evaluate(graph []*Object) ([]Finding, error) {
	var found []Finding
	subjects := r.Of.Subjects(graph)
	for _, s := range subjects {
		value := Get(s.Fields, r.Field)
		holds := r.Holds(value)
		switch _, excepted := r.Except[s.Name]; {
		case excepted && holds:
			return nil, fmt.Errorf("%s keeps %q; remove its exception", s.Name, r.Title)
		case !excepted && !holds:
			found = append(found, Finding{Rule: r, Subject: s.Name, Value: value})
		}
	}
	if len(subjects) == 0 {
		return nil, fmt.Errorf("there is no %s to which %q applies", r.Of, r.Title)
	}
	return found, nil
}

// BrokenBy reports whether a value is among those that break the rule.
func (r *Rule) BrokenBy(value any) bool {
	return slices.ContainsFunc(r.Breaks, func(b any) bool { return reflect.DeepEqual(b, value) })
}

// Get returns the value at a path, or nil.
func Get(fields map[string]any, path string) any {
	var here any = fields
	for _, part := range parse(path) {
		switch at := here.(type) {
		case map[string]any:
			key, _ := part.(string)
			here = at[key]
		case []any:
			i, ok := part.(int)
			if !ok || i >= len(at) {
				return nil
			}
			here = at[i]
		default:
			return nil
		}
	}
	return here
}

// Set sets the value at a path through objects; Absent removes the property.
func Set(fields map[string]any, path string, value any) {
	parts := parse(path)
	here := fields
	for _, part := range parts[:len(parts)-1] {
		key, _ := part.(string)
		next, ok := here[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			here[key] = next
		}
		here = next
	}
	last, _ := parts[len(parts)-1].(string)
	if value == Absent {
		delete(here, last)
		return
	}
	here[last] = value
}

// parse parses a path of a rule, and panics if it is invalid.
func parse(path string) resource.PropertyPath {
	parsed, err := resource.ParsePropertyPath(path)
	if err != nil {
		panic(fmt.Sprintf("policy: %q: %v", path, err))
	}
	return parsed
}

// Copy returns a deep copy of a graph.
func Copy(graph []*Object) []*Object {
	copied := make([]*Object, len(graph))
	for i, o := range graph {
		copied[i] = &Object{Type: o.Type, Name: o.Name, Fields: clone(o.Fields).(map[string]any)}
	}
	return copied
}

func clone(v any) any {
	switch in := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(in))
		for key, value := range in {
			out[key] = clone(value)
		}
		return out
	case []any:
		out := make([]any, len(in))
		for i := range in {
			out[i] = clone(in[i])
		}
		return out
	default:
		return v
	}
}
