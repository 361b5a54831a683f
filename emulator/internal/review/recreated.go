package review

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// recreated turns a delete and a create of the same cloud resource into a replacement: the
// program has renamed it without an alias. aliased is the number of resources that were renamed
// with an alias.
func recreated(steps []Step) (rest []Step, aliased int) {
	deleted := map[string]int{} // indices
	for i, s := range steps {
		if key := identity(s.Type(), s.Old); s.Op == Delete && s.real() && key != "" {
			deleted[key] = i
		}
		if s.real() && s.Op != Create && s.Old != nil && s.New != nil && s.Old.URN != s.New.URN && s.Old.URN != "" {
			aliased++
		}
	}
	replaced := map[int]bool{}
	for i := range steps {
		s := &steps[i]
		if old, found := deleted[identity(s.Type(), s.New)]; found && s.Op == Create && s.real() {
			s.Op, s.Old, s.renamedFrom = Replace, steps[old].Old, steps[old].Name()
			replaced[old] = true
		}
	}
	for i, s := range steps {
		if !replaced[i] {
			rest = append(rest, s)
		}
	}
	return rest, aliased
}

// identity identifies a resource in the cloud; empty if it is unknown.
func identity(typ string, s *State) string {
	if s == nil {
		return ""
	}
	parts := []string{typ}
	for _, property := range []string{"project", "location", "region", "cluster", "name", "accountId", "repositoryId", "service", "role", "member"} {
		if text, ok := s.Inputs[property].(string); ok && text != plugin.UnknownStringValue {
			parts = append(parts, property+"="+text)
		}
	}
	meta, _ := s.Inputs["metadata"].(map[string]any)
	for _, property := range []string{"namespace", "name"} {
		if text, ok := meta[property].(string); ok {
			parts = append(parts, property+"="+text)
		}
	}
	if !strings.Contains(strings.Join(parts, " "), "name=") && len(parts) < 3 {
		return ""
	}
	return strings.Join(parts, " ")
}
