package review

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func policyFor(t *testing.T, text string) Policy {
	t.Helper()
	p, err := ReadPolicy([]byte(text))
	require.NoError(t, err)
	return p
}

func TestThePolicyRequiresAcknowledgements(t *testing.T) {
	p := policyFor(t, "acknowledge:\n  protected: [slice-rebuild, deletion]\n  others: [cluster-rebuild]\n")
	prod := func(class Class, loses bool) Environment {
		return Environment{Name: "prod", Protected: true, Changed: true, Class: class, Deletion: loses}
	}
	dev := func(class Class) Environment { return Environment{Name: "dev", Changed: true, Class: class} }
	for name, c := range map[string]struct {
		environments []Environment
		lines        []string
		missing      []string
		code         int
	}{
		"nothing happens":             {[]Environment{prod(None, false)}, nil, nil, 0},
		"less than what is demanded":  {[]Environment{prod(GroupRestart, false), dev(SliceRebuild)}, nil, nil, 0},
		"a slice":                     {[]Environment{prod(SliceRebuild, false)}, nil, []string{"slice-rebuild prod"}, 13},
		"more than what is demanded":  {[]Environment{prod(ClusterRebuild, true)}, nil, []string{"cluster-rebuild prod", "deletion prod"}, 14},
		"a deletion alone":            {[]Environment{prod(None, true)}, nil, []string{"deletion prod"}, 12},
		"an unprotected environment":  {[]Environment{dev(ClusterRebuild)}, nil, []string{"cluster-rebuild dev"}, 14},
		"somebody said so":            {[]Environment{prod(SliceRebuild, false)}, []string{"slice-rebuild prod"}, nil, 0},
		"said for both":               {[]Environment{prod(ClusterRebuild, false), dev(ClusterRebuild)}, []string{"cluster-rebuild dev, prod"}, nil, 0},
		"said for another":            {[]Environment{prod(SliceRebuild, false)}, []string{"slice-rebuild dev"}, []string{"slice-rebuild prod"}, 13},
		"said for nobody":             {[]Environment{prod(SliceRebuild, false)}, []string{"slice-rebuild"}, []string{"slice-rebuild prod"}, 13},
		"said for something worse":    {[]Environment{prod(SliceRebuild, false)}, []string{"cluster-rebuild prod"}, nil, 0},
		"said for something less":     {[]Environment{prod(ClusterRebuild, false)}, []string{"slice-rebuild prod"}, []string{"cluster-rebuild prod"}, 14},
		"a class is no deletion":      {[]Environment{prod(SliceRebuild, true)}, []string{"cluster-rebuild prod"}, []string{"deletion prod"}, 12},
		"a preview that failed":       {[]Environment{prod(Failed, false)}, []string{"cluster-rebuild prod"}, nil, 10},
		"a word that is no class":     {[]Environment{prod(SliceRebuild, false)}, []string{"everything prod"}, []string{"slice-rebuild prod"}, 13},
		"each environment on its own": {[]Environment{prod(SliceRebuild, false), dev(ClusterRebuild)}, []string{"cluster-rebuild dev"}, []string{"slice-rebuild prod"}, 13},
	} {
		t.Run(name, func(t *testing.T) {
			r := Report{Environments: c.environments}
			r.Summarize()
			r.Gate(p, c.lines)
			assert.ElementsMatch(t, c.missing, r.Unacknowledged)
			assert.Equal(t, c.code, r.ExitCode())
		})
	}
}

func TestTheLabelIsTheWorstOfAllEnvironments(t *testing.T) {
	r := Report{Environments: []Environment{{Name: "a"}, {Name: "b", Class: SliceRebuild, Changed: true}, {Name: "c", Class: Rolling, Changed: true, Deletion: true}}}
	r.Summarize()
	assert.Equal(t, []string{"review: slice-rebuild", "review: deletion"}, r.Labels)
	assert.Equal(t, "b", r.Environments[0].Name)
	assert.Equal(t, "a", r.Environments[2].Name)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"class":"slice-rebuild"`)
}

func TestAPolicyWithAnUnknownClassIsRejected(t *testing.T) {
	for _, text := range []string{"acknowledge: {protected: [slices]}", "acknowledge: {others: [none]}", "acknowledge: {others: [failed]}", "demand: []"} {
		_, err := ReadPolicy([]byte(text))
		assert.ErrorContains(t, err, "review.yaml", text)
	}
	assert.Empty(t, policyFor(t, "").Protected)
}

func TestThisRepositorysPolicyIsValid(t *testing.T) {
	text, err := os.ReadFile("../../../review.yaml")
	require.NoError(t, err)
	p := policyFor(t, string(text))
	assert.Contains(t, p.Protected, "slice-rebuild")
	assert.Contains(t, p.Protected, "deletion")
}
