package stacks

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/policy"
	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/stacks/config/configtest"
)

// environments are what this checkout can deploy: each Pulumi.<name>.yaml, and the
// first of them with every optional part switched on.
func environments(t *testing.T) map[string]*pulumitest.Graph {
	t.Helper()
	t.Setenv(pulumi.EnvConfigSecretKeys, `["sglang-tpu:hfToken","sglang-tpu:apiKey"]`)
	files, err := filepath.Glob(filepath.Join("..", "Pulumi.*.yaml"))
	require.NoError(t, err)
	graphs := map[string]*pulumitest.Graph{}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml")
		graphs[name] = run(t, configtest.Environment(t, name))
	}
	require.Contains(t, graphs, "dev")
	require.Contains(t, graphs, "prod")
	graphs["all"] = run(t, configtest.Environment(t, "dev").With(
		"sglang-tpu:replicas", "2", "sglang-tpu:hfToken", token, "sglang-tpu:apiKey", token,
	))
	return graphs
}

// objects is what rules judge of a graph; secrets are judged as what they hold.
func objects(g *pulumitest.Graph) []*policy.Object {
	var all []*policy.Object
	for _, r := range g.All() {
		all = append(all, &policy.Object{Type: r.Type, Name: r.Name, Fields: plain(resource.NewObjectProperty(r.Inputs)).(map[string]any)})
	}
	return all
}

func plain(v resource.PropertyValue) any {
	return v.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		if v.IsSecret() {
			return plain(v.SecretValue().Element), true
		}
		return nil, false
	})
}

// Every rule is a test of its id, in every environment.
func TestPolicy(t *testing.T) {
	require.GreaterOrEqual(t, len(policy.Rules()), 45)
	byID := map[string][]*policy.Rule{}
	var ids []string
	for _, rule := range policy.Rules() {
		for _, id := range rule.IDs {
			if byID[id] == nil {
				ids = append(ids, id)
			}
			byID[id] = append(byID[id], rule)
		}
	}
	sort.Strings(ids)
	for environment, g := range environments(t) {
		graph := objects(g)
		t.Run(environment, func(t *testing.T) {
			for _, id := range ids {
				t.Run(id, func(t *testing.T) {
					for _, rule := range byID[id] {
						findings, err := rule.Evaluate(graph)
						assert.NoError(t, err)
						for _, f := range findings {
							t.Error(f)
						}
					}
				})
			}
		})
	}
}

// A rule that cannot fail protects nobody, and one that fails for another's setting
// misleads: each setting is broken in a copy, and exactly the rules that name it fail.
func TestPolicyMutations(t *testing.T) {
	rules := policy.Rules()
	for environment, g := range environments(t) {
		graph := objects(g)
		t.Run(environment, func(t *testing.T) {
			mutations := 0
			for _, rule := range rules {
				failed := false
				subjects := rule.Of.Subjects(graph)
				for i := range subjects {
					if _, excepted := rule.Except[subjects[i].Name]; excepted {
						continue
					}
					for _, broken := range rule.Breaks {
						mutations++
						copied := policy.Copy(graph)
						at := rule.Of.Subjects(copied)[i]
						setting := at.Setting(rule.Field)
						policy.Set(at.Fields, rule.Field, broken)
						require.Equal(t, mustFail(rules, graph, setting, broken), failing(rules, copied), "%s = %v", setting, broken)
						failed = true
					}
				}
				assert.True(t, failed, "%v cannot fail", rule.IDs)
			}
			t.Logf("%d rules, %d mutations", len(rules), mutations)
		})
	}
}

// mustFail are the rules that one broken setting must fail.
func mustFail(rules []*policy.Rule, graph []*policy.Object, setting string, broken any) []string {
	var found []string
	for _, rule := range rules {
		for _, s := range rule.Of.Subjects(graph) {
			_, excepted := rule.Except[s.Name]
			if !excepted && s.Setting(rule.Field) == setting && rule.BrokenBy(broken) {
				found = append(found, s.Name+": "+rule.Title)
			}
		}
	}
	return found
}

func failing(rules []*policy.Rule, graph []*policy.Object) []string {
	var found []string
	for _, rule := range rules {
		findings, err := rule.Evaluate(graph)
		if err != nil {
			found = append(found, err.Error())
		}
		for _, f := range findings {
			found = append(found, f.Subject+": "+rule.Title)
		}
	}
	return found
}

// The same id is either kept or not.
func TestPolicyNotFollowed(t *testing.T) {
	kept := map[string]bool{}
	for _, rule := range policy.Rules() {
		for _, id := range rule.IDs {
			kept[id] = true
		}
	}
	for _, u := range policy.NotFollowed {
		assert.NotEmpty(t, u.Why, u.Title)
		for _, id := range u.IDs {
			assert.False(t, kept[id], "%s is kept", id)
		}
		fmt.Printf("    not followed: %s: %s: %s\n", strings.Join(u.IDs, ", "), u.Title, u.Why)
	}
}

// A default-deny policy is in each namespace in which pods run.
func TestPolicyEveryNamespaceDenies(t *testing.T) {
	for environment, g := range environments(t) {
		denied := map[any]bool{}
		for _, s := range policy.DefaultDeny.Subjects(objects(g)) {
			denied[policy.Get(s.Fields, "metadata.namespace")] = true
		}
		for _, s := range policy.Namespace.Subjects(objects(g)) {
			name := policy.Get(s.Fields, "metadata.name")
			assert.True(t, denied[name], "%s: namespace %v", environment, name)
		}
	}
}
