package settings

import (
	"reflect"
	"regexp"

	"sglang-tpu/spec/problem"
)

// ownKey matches this program's keys in texts.
var ownKey = regexp.MustCompile(`\b` + Namespace + `:([A-Za-z]+)\b`)

// project maps the keys of this program in a project with another name. They are in the
// project's namespace or in this program's; the rest of the package uses this program's.
type project struct {
	name  string
	known map[string]string // where each key is set, or would be, by its key in this program's namespace
}

// inProject returns a source with this program's keys, and a problem for each setting that
// is set in both namespaces.
func inProject(s Source) (Source, project, problem.List) {
	if s.Project == "" || s.Project == Namespace {
		return s, project{name: Namespace}, nil
	}
	p := project{name: s.Project, known: map[string]string{}}
	var found problem.List
	for _, f := range fieldsOf(reflect.TypeFor[Settings]()) {
		key := keyOf(f.name)
		if key == f.name {
			continue // of a provider
		}
		own := p.name + ":" + f.name
		p.known[key] = own
		if _, set := s.Get(key); !set {
			continue
		}
		if value, set := s.Get(own); set && !isDefault(f, value) {
			found.Add(own, "", "is set, and so is "+key+", which is the same setting", "remove one of the two")
			continue
		}
		p.known[key] = key
	}
	in := s
	in.Get = func(key string) (string, bool) { return s.Get(p.where(key)) }
	in.IsSecret = func(key string) bool { return s.IsSecret != nil && s.IsSecret(p.where(key)) }
	return in, p, found
}

// where returns the full key under which a setting is set, or would be.
func (p project) where(key string) string {
	if full, ok := p.known[key]; ok {
		return full
	}
	return key
}

// isDefault reports whether a value is the setting's default: Pulumi passes the defaults in
// Pulumi.yaml as if they were set.
func isDefault(f field, value string) bool {
	given, standard := reflect.New(f.Type).Elem(), reflect.New(f.Type).Elem()
	setDefault(f, given)
	setDefault(f, standard)
	r := newReader()
	r.source = Source{
		Get:      func(string) (string, bool) { return value, true },
		IsSecret: func(string) bool { return true },
	}
	r.read(f, given)
	if kind := given.Kind(); (kind == reflect.Map || kind == reflect.Slice) && given.Len() == 0 {
		return standard.Len() == 0
	}
	return len(r.found) == 0 && reflect.DeepEqual(given.Interface(), standard.Interface())
}

// named replaces the keys of problems by those that the project uses.
func (p project) named(problems problem.List) problem.List {
	named := make(problem.List, len(problems))
	for i, one := range problems {
		for _, text := range []*string{&one.Key, &one.Why, &one.Remedy} {
			*text = ownKey.ReplaceAllStringFunc(*text, p.where)
		}
		named[i] = one
	}
	return named
}
