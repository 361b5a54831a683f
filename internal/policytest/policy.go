// Package policytest holds the security rules that the stack follows, as data: the source
// of a rule, the setting that it is about, and the values that it allows. Tests evaluate
// the rules over everything that an environment registers.
//
// A rule's ids are those of CIS GKE Benchmark 1.9 (CIS), of checkov (CKV) and of trivy
// (GCP for Google Cloud, KSV and KCV for Kubernetes), so that a security review finds
// its own terms here.
package policytest

import (
	"fmt"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Object is one registered resource: its type token, name and inputs as plain JSON.
type Object struct {
	Type, Name string
	Fields     map[string]any
}

// Rule is one setting that must be as the rule's authors want it.
type Rule struct {
	IDs   []string
	Title string
	Of    Kind
	Field string // Pulumi's path, below the subject
	Holds func(value any) bool
	// Breaks are values under which the rule must fail; Absent: the setting left out.
	Breaks []any
	// Except are subjects that do not keep the rule, by name, and why.
	Except map[string]string
}

// Absent among a rule's Breaks is a setting that is left out.
var Absent any = absent{}

type absent struct{}

// Unfollowed is a rule of theirs that the stack does not keep, or that asks nothing of
// it, and why.
type Unfollowed struct {
	IDs        []string
	Title, Why string
}

// Finding is a subject that does not keep a rule.
type Finding struct {
	Rule    *Rule
	Subject string
	Value   any // nil: it is not set
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s is %v; %s", f.Subject, f.Rule.Field, f.Value, f.Rule.Title)
}

// Subject is a part of an object that rules judge: a whole resource, a pod or a
// container.
type Subject struct {
	Object *Object
	Name   string // of the resource, and of the pod and container in it
	Path   string // of the part in the object's fields; empty: all of it
	Fields map[string]any
}

// Setting is where a rule's field is in the object: two rules with one setting stand
// and fall together.
func (s Subject) Setting(field string) string {
	if s.Path == "" {
		return s.Object.Type + " " + s.Object.Name + " " + field
	}
	return s.Object.Type + " " + s.Object.Name + " " + s.Path + "." + field
}

// Evaluate returns what does not keep the rule. A graph without a subject is an error:
// a rule that judges nothing proves nothing.
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
		return nil, fmt.Errorf("there is no %s, of which %q could be judged", r.Of, r.Title)
	}
	return found, nil
}

// BrokenBy reports whether a value is among those that break the rule.
func (r *Rule) BrokenBy(value any) bool {
	for _, b := range r.Breaks {
		if reflect.DeepEqual(b, value) {
			return true
		}
	}
	return false
}

// Get returns the value at a path, nil if there is none.
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

// Set puts a value at a path through objects; Absent removes what is there.
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

// parse panics for a path that is wrong in the table itself.
func parse(path string) resource.PropertyPath {
	parsed, err := resource.ParsePropertyPath(path)
	if err != nil {
		panic(fmt.Sprintf("policy: %q: %v", path, err))
	}
	return parsed
}

// Copy is a graph that can be changed without changing this one.
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
