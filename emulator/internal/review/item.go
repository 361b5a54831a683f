package review

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// inSentence is the maximum number of changes in a sentence; if there are more, they are listed
// below it.
const inSentence = 3

// hidden lists changes that only follow from others.
var hidden = []string{`metadata.annotations["pulumi.com/waitFor"]`, `metadata.annotations["pulumi.com/skipAwait"]`}

// item applies the rules to the change of a resource.
func item(s Step, f facts) Item {
	i := Item{Resource: s.Type() + " " + s.Name(), Op: s.Op}
	for _, c := range s.changes() {
		if !slices.Contains(hidden, c.Property) {
			i.Changes = append(i.Changes, c)
		}
	}
	var sentences []string
	apply := func(r rule) {
		class := r.class
		text := f.fill(r.text)
		if r.perGroup {
			class = f.perGroup()
		}
		i.Class, i.Deletion, i.Caution = max(i.Class, class), i.Deletion || r.loses, i.Caution || r.caution
		if text != "" && !slices.Contains(sentences, text) {
			sentences = append(sentences, text)
		}
	}
	if s.Op == Update && len(i.Changes) > 0 {
		slices.SortStableFunc(i.Changes, func(a, b Change) int {
			return int(ruleFor(s, b.Property).order(f)) - int(ruleFor(s, a.Property).order(f))
		})
		for _, c := range i.Changes {
			apply(ruleFor(s, c.Property))
		}
		sentences = sentences[:min(len(sentences), 2)]
	} else {
		apply(ruleFor(s, ""))
	}
	if clash := s.clash(); clash != "" {
		i.Caution = true
		sentences = append(sentences, clash)
	}
	i.Sentence = s.noun() + " " + verbs[s.Op]
	what := append(s.names(), properties(i.Changes)...)
	if s.Op == Update && len(i.Changes) > inSentence {
		i.Sentence += fmt.Sprintf(" in %d properties", len(i.Changes))
		what = nil
	}
	if parts := append(what, sentences...); len(parts) > 0 {
		i.Sentence += ": " + strings.Join(parts, "; ")
	}
	return i
}

// order returns the class by which the properties of a resource are sorted.
func (r rule) order(f facts) Class {
	if r.perGroup {
		return f.perGroup()
	}
	return r.class
}

// initError is the engine's key for a replacement because the last create or update failed.
const initError = "#initerror"

// properties describes the changes. If some force a replacement, it describes only those.
func properties(changes []Change) []string {
	var forced []Change
	for _, c := range changes {
		if c.Replaces {
			forced = append(forced, c)
		}
	}
	if len(forced) > 0 {
		changes = forced
	}
	var words []string
	for _, c := range changes[:min(len(changes), inSentence)] {
		words = append(words, c.Words())
	}
	if more := len(changes) - inSentence; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return words
}

// Words describes the change, such as "`machineType` changes from `A` to `B`".
func (c Change) Words() string {
	if c.Property == initError {
		return "its last create or update failed"
	}
	name := "`" + c.short() + "`"
	switch object := strings.HasPrefix(c.Old+c.New, "{") && (c.Old == "" || c.New == ""); {
	case object && c.Old == "":
		return name + " is added: " + code(c.New)
	case object:
		return name + ", which was " + code(c.Old) + ", is removed"
	case c.Old == masked && c.New == masked:
		return name + ", a secret, changes"
	case c.Old == "":
		return name + " is set to " + code(c.New)
	case c.New == "":
		return name + ", which was " + code(c.Old) + ", is no longer set"
	case c.New == later:
		return name + " is " + code(c.Old) + " now, and its new value is not known yet"
	default:
		return name + " changes from " + code(c.Old) + " to " + code(c.New)
	}
}

func code(value string) string { return "`" + strings.ReplaceAll(value, "`", "'") + "`" }

// short returns the property without common prefixes.
func (c Change) short() string {
	for _, prefix := range []string{eachTemplate + "spec.", eachTemplate, "nodeConfig.", "spec.template.spec."} {
		if rest, ok := strings.CutPrefix(c.Property, prefix); ok {
			return rest
		}
	}
	return c.Property
}

// names describes a resource that was renamed in the program without an alias.
func (s Step) names() []string {
	if s.renamedFrom == "" {
		return nil
	}
	return []string{fmt.Sprintf("it is called `%s` in the program, was `%s`, and has no alias", s.Name(), s.renamedFrom)}
}

// clash describes the error if a new resource has the name of the old one and is created before
// that is deleted; empty if there is none.
func (s Step) clash() string {
	if s.Op != Replace || s.DeletesFirst || !strings.HasPrefix(s.Type(), "gcp:") || s.Old == nil || s.New == nil {
		return ""
	}
	if identity(s.Type(), s.Old) != identity(s.Type(), s.New) || identity(s.Type(), s.New) == "" {
		return ""
	}
	return "the new one is created before the old one is deleted, and has the same name, so pulumi up fails with `Error 409: alreadyExists`"
}

// verbs says what happens to a resource.
var verbs = map[Op]string{Create: "is created", Update: "changes", Replace: "is replaced", Delete: "is deleted"}

// nouns are the resources of which a stack has one.
var nouns = map[string]string{
	cluster: "The GKE cluster", network: "The VPC network", set: "The LeaderWorkerSet", repository: "The image repository",
}

// noun names the resource in a sentence.
func (s Step) noun() string {
	switch typ := s.Type(); {
	case typ == nodePool && s.inside(inSlice):
		return "TPU slice " + number(s.Name())
	case typ == policy && s.inside(inSlice):
		return "The workload policy of TPU slice " + number(strings.TrimSuffix(s.Name(), "-policy"))
	case typ == nodePool && strings.HasSuffix(s.Name(), "-system"):
		return "The system node pool"
	case typ == bucket:
		return "The bucket " + s.Name()
	case nouns[typ] != "":
		return nouns[typ]
	}
	return spaced(s.Type()[strings.LastIndex(s.Type(), ":")+1:]) + " " + s.Name()
}

// number returns the number in a slice's name, or the name if there is none.
func number(name string) string {
	digits := strings.TrimLeftFunc(name, func(r rune) bool { return !unicode.IsDigit(r) })
	if digits != "" && strings.HasSuffix(name, digits) && strings.HasPrefix(name, "slice-") {
		return digits
	}
	return name
}

// spaced separates the words of names such as RouterNat and BucketIAMMember.
func spaced(camel string) string {
	var b strings.Builder
	previous := ' '
	runes := []rune(camel)
	for i, r := range runes {
		begins := unicode.IsLower(previous) || i+1 < len(runes) && unicode.IsUpper(previous) && unicode.IsLower(runes[i+1])
		if unicode.IsUpper(r) && begins {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		previous = r
	}
	return b.String()
}
