package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Policy is the content of review.yaml: what must be acknowledged before a merge.
type Policy struct {
	// Protected applies to environments with protected resources, Others to the rest. Both
	// contain names of classes, and "deletion".
	Protected []string `json:"protected"`
	Others    []string `json:"others"`
}

// deletion is the name of the loss of something that cannot be recovered.
const deletion = "deletion"

// Trailer is the trailer of commit messages that acknowledges consequences.
const Trailer = "Review-Acknowledged"

// ReadPolicy reads review.yaml. An empty file requires no acknowledgement.
func ReadPolicy(text []byte) (Policy, error) {
	var file struct {
		Acknowledge Policy `json:"acknowledge"`
	}
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		return Policy{}, fmt.Errorf("review.yaml: %w", err)
	}
	for _, name := range append(slices.Clone(file.Acknowledge.Protected), file.Acknowledge.Others...) {
		if i := slices.Index(classNames, name); name != deletion && (i <= int(None) || i >= int(Failed)) {
			return Policy{}, fmt.Errorf("review.yaml: %q cannot be acknowledged; use %s or %s", name, strings.Join(classNames[1:Failed], ", "), deletion)
		}
	}
	return file.Acknowledge, nil
}

// Gate records what the policy requires, and what of it is acknowledged. lines are the values
// of trailers, each "WHAT ENVIRONMENT...".
func (r *Report) Gate(p Policy, lines []string) {
	for _, e := range r.Environments {
		demanded := p.Others
		if e.Protected {
			demanded = p.Protected
		}
		for _, what := range e.stops(demanded) {
			need := what + " " + e.Name
			if slices.ContainsFunc(lines, func(line string) bool { return covers(line, what, e.Name) }) {
				r.Acknowledged = append(r.Acknowledged, need)
			} else {
				r.Unacknowledged = append(r.Unacknowledged, need)
			}
		}
	}
}

// stops returns what must be acknowledged for the environment: its class, if that or a lower
// one is demanded, and deletion.
func (e Environment) stops(demanded []string) []string {
	var found []string
	if e.Class > None && e.Class < Failed && slices.ContainsFunc(demanded, func(name string) bool {
		i := slices.Index(classNames, name)
		return i > 0 && Class(i) <= e.Class
	}) {
		found = append(found, e.Class.String())
	}
	if e.Deletion && slices.Contains(demanded, deletion) {
		found = append(found, deletion)
	}
	return found
}

// covers reports whether a line acknowledges something for an environment. A class covers lower
// classes, but not a deletion.
func covers(line, what, environment string) bool {
	words := strings.Fields(strings.ReplaceAll(line, ",", " "))
	if len(words) < 2 || !slices.Contains(words[1:], environment) {
		return false
	}
	if words[0] == what {
		return true
	}
	given, needed := slices.Index(classNames, words[0]), slices.Index(classNames, what)
	return given > 0 && needed > 0 && given > needed
}

// Summarize sorts the environments, the worst first, and sets the summary.
func (r *Report) Summarize() {
	slices.SortStableFunc(r.Environments, func(a, b Environment) int { return b.weight() - a.weight() })
	for _, e := range r.Environments {
		r.Class = max(r.Class, e.Class)
		r.Deletion = r.Deletion || e.Deletion
	}
	r.Labels = []string{"review: " + r.Class.String()}
	if r.Deletion {
		r.Labels = append(r.Labels, "review: "+deletion)
	}
}

func (e Environment) weight() int {
	weight := int(e.Class) * 4
	if e.Deletion {
		weight += 2
	}
	if e.Changed {
		weight++
	}
	return weight
}

// Exit codes of a finished review, for what is not acknowledged.
const (
	ExitOK             = 0
	ExitFailed         = 10 // a preview failed, so the consequences are unknown
	ExitOther          = 11 // rolling or a group restart, if review.yaml requires it
	ExitDeletion       = 12
	ExitSliceRebuild   = 13
	ExitClusterRebuild = 14
)

// ExitCode returns the exit code for the worst consequence that is not acknowledged.
func (r Report) ExitCode() int {
	if r.Class == Failed {
		return ExitFailed
	}
	codes := map[string]int{ClusterRebuild.String(): ExitClusterRebuild, SliceRebuild.String(): ExitSliceRebuild, deletion: ExitDeletion}
	code := ExitOK
	for _, text := range r.Unacknowledged {
		what, _, _ := strings.Cut(text, " ")
		code = max(code, cmp.Or(codes[what], ExitOther))
	}
	return code
}
