package settings

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"

	"sglang-tpu/spec/problem"
)

// ownKey matches this program's keys in texts.
var ownKey = regexp.MustCompile(`\b` + Namespace + `:([A-Za-z]+)\b`)

// project maps the keys of this program in a project with another name to those under which
// they are set, or would be. They are in the project's namespace or in this program's; the
// rest of the package uses this program's.
type project map[string]string

// inProject returns a source with this program's keys, and a problem for each setting that
// is set in both namespaces.
func inProject(s Source) (Source, project, problem.List) {
	if s.Project == Namespace {
		return s, nil, nil
	}
	p := project{}
	var found problem.List
	for _, f := range fieldsOf(reflect.TypeFor[Settings]()) {
		key := keyOf(f.name)
		if key == f.name {
			continue // of a provider
		}
		own := s.Project + ":" + f.name
		p[key] = own
		if _, set := s.Get(key); !set {
			continue
		}
		if value, set := s.Get(own); set && !f.defaultsTo(value) {
			found.Add(own, "", "is set, and so is "+key+", which is the same setting", "remove one of the two")
			continue
		}
		p[key] = key
	}
	in := s
	in.Get = func(key string) (string, bool) { return s.Get(p.where(key)) }
	in.IsSecret = func(key string) bool { return s.IsSecret(p.where(key)) }
	return in, p, found
}

// where returns the full key under which a setting is set, or would be.
func (p project) where(key string) string { return cmp.Or(p[key], key) }

// defaultsTo reports whether a value is the setting's default: Pulumi passes the defaults in
// Pulumi.yaml as if they were set.
func (f field) defaultsTo(value string) bool {
	l := newLoader(Source{
		Get:      func(string) (string, bool) { return value, true },
		IsSecret: func(string) bool { return true },
	})
	given := reflect.New(f.Type).Elem()
	setDefault(f, given)
	l.read(f, given)
	return len(l.found) == 0 && f.isDefault(given)
}

// named replaces the keys of problems by those that the project uses.
func (p project) named(problems problem.List) problem.List {
	named := slices.Clone(problems)
	for i := range named {
		for _, text := range []*string{&named[i].Key, &named[i].Why, &named[i].Remedy} {
			*text = ownKey.ReplaceAllStringFunc(*text, p.where)
		}
	}
	return named
}
