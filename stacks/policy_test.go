package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/policytest"
	"sglang-tpu/internal/pulumitest"
)

// environments are what this repository deploys: each Pulumi.<name>.yaml of it, and the
// first of them with every optional part switched on.
func environments(t *testing.T) map[string]*pulumitest.Graph {
	t.Helper()
	t.Setenv(pulumi.EnvConfigSecretKeys, `["sglang-tpu:hfToken","sglang-tpu:apiKey"]`)
	graphs := map[string]*pulumitest.Graph{}
	for _, name := range configtest.Stacks(t) {
		graphs[name] = run(t, configtest.Environment(t, name))
	}
	require.Contains(t, graphs, "dev")
	require.Contains(t, graphs, "prod")
	graphs["all"] = run(t, configtest.Environment(t, "dev").With(
		"sglang-tpu:replicas", "2", "sglang-tpu:hfToken", token, "sglang-tpu:apiKey", token,
	))
	graphs[onDisks] = run(t, configtest.Environment(t, "dev").With(
		"sglang-tpu:cache", `{"mode":"disk"}`, "sglang-tpu:hfTokenSecret", managed,
	))
	// In a cluster of others, with a slice of its own.
	shared, err := onGround(t, configtest.Environment(t, "dev").With("sglang-tpu:cluster", theirCluster))
	require.NoError(t, err)
	graphs[inSharedCluster] = shared
	return graphs
}

const (
	// A cluster of others, whose rules are theirs, as are those of its network.
	inSharedCluster = "shared"
	onDisks         = "disk" // no bucket, and the token in Secret Manager
	managed         = "projects/secrets-project/secrets/hugging-face/versions/3"
)

// ofPlatform are the kinds of what a stack in a cluster of others does not make.
var ofPlatform = []policytest.Kind{policytest.Cluster, policytest.Subnetwork, policytest.NAT, policytest.Network, policytest.Firewall}

// rulesFor leaves out what an environment has nothing of, because it was asked not to.
func rulesFor(environment string) []*policytest.Rule {
	var rules []*policytest.Rule
	for _, rule := range policytest.Rules() {
		if environment == onDisks && (rule.Of == policytest.Bucket || rule.Of == policytest.BucketIAM) {
			continue
		}
		if environment == inSharedCluster && slices.Contains(ofPlatform, rule.Of) {
			continue
		}
		rules = append(rules, rule)
	}
	return rules
}

// objects is what rules judge of a graph; secrets are judged as what they hold.
func objects(g *pulumitest.Graph) []*policytest.Object {
	var all []*policytest.Object
	for _, r := range g.All() {
		all = append(all, &policytest.Object{Type: r.Type, Name: r.Name, Fields: plain(resource.NewObjectProperty(r.Inputs)).(map[string]any)})
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
	require.GreaterOrEqual(t, len(policytest.Rules()), 45)
	for environment, g := range environments(t) {
		graph := objects(g)
		byID := map[string][]*policytest.Rule{}
		for _, rule := range rulesFor(environment) {
			for _, id := range rule.IDs {
				byID[id] = append(byID[id], rule)
			}
		}
		ids := slices.Sorted(maps.Keys(byID))
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
	for environment, g := range environments(t) {
		graph, rules := objects(g), rulesFor(environment)
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
						copied := policytest.Copy(graph)
						at := rule.Of.Subjects(copied)[i]
						setting := at.Setting(rule.Field)
						policytest.Set(at.Fields, rule.Field, broken)
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
func mustFail(rules []*policytest.Rule, graph []*policytest.Object, setting string, broken any) []string {
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

func failing(rules []*policytest.Rule, graph []*policytest.Object) []string {
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
	for _, rule := range policytest.Rules() {
		for _, id := range rule.IDs {
			kept[id] = true
		}
	}
	for _, u := range policytest.NotFollowed {
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
		for _, s := range policytest.DefaultDeny.Subjects(objects(g)) {
			denied[policytest.Get(s.Fields, "metadata.namespace")] = true
		}
		for _, s := range policytest.Namespace.Subjects(objects(g)) {
			name := policytest.Get(s.Fields, "metadata.name")
			assert.True(t, denied[name], "%s: namespace %v", environment, name)
		}
	}
}

// With the token in Secret Manager, nothing that Pulumi or Kubernetes keeps holds it.
func TestPolicyATokenInSecretManagerIsNowhereElse(t *testing.T) {
	for mode, account := range map[string]string{"gcs": "sglang-download", "disk": "sglang"} {
		g := run(t, configtest.Minimal(t).With("sglang-tpu:cache", `{"mode":"`+mode+`"}`, "sglang-tpu:hfTokenSecret", managed,
			"sglang-tpu:model", "meta-llama/Llama-3.1-8B-Instruct"))
		assert.Empty(t, g.OfType(secretType))
		assert.Equal(t, true, g.Get(t, clusterType, "cluster").Value("secretManagerConfig.enabled"))
		require.Len(t, g.OfType(string(policytest.SecretIAM)), 1)
		member := g.Get(t, string(policytest.SecretIAM), "token-reader")
		for path, want := range map[string]any{
			"project": "secrets-project", "secretId": "hugging-face", "role": "roles/secretmanager.secretAccessor",
			"member": "serviceAccount:my-project.svc.id.goog[sglang/" + account + "]",
		} {
			assert.Equal(t, want, member.Value(path), path)
		}
		assert.True(t, member.DependsOn("cluster"), "a project's first cluster makes its identity pool")
		class := g.Get(t, "kubernetes:secrets-store.csi.x-k8s.io/v1:SecretProviderClass", "serving-token-class")
		assert.Equal(t, "- resourceName: \""+managed+"\"\n  path: \"hf_api_token\"\n", class.Value("spec.parameters.secrets"))
		mounts := 0
		for _, pod := range policytest.Pod.Subjects(objects(g)) {
			if !strings.Contains(fmt.Sprint(pod.Fields), "secrets-store-gke.csi.k8s.io") {
				continue
			}
			mounts++
			assert.Equal(t, account, policytest.Get(pod.Fields, "spec.serviceAccountName"))
			assert.Contains(t, fmt.Sprint(pod.Fields), "HF_TOKEN_PATH value:/run/secrets/secret-manager/hf_api_token")
			waiting := g.OfType(pod.Object.Type)
			for _, r := range waiting {
				if r.Name == pod.Object.Name {
					assert.True(t, waitsFor(g, r, "token-reader"), "%s waits for the right to read", r.Name)
					assert.True(t, waitsFor(g, r, "serving-token-class"), r.Name)
				}
			}
		}
		assert.Equal(t, map[string]int{"gcs": 1, "disk": 2}[mode], mounts)
	}
	assert.Nil(t, run(t, configtest.Minimal(t)).Get(t, clusterType, "cluster").Value("secretManagerConfig"))
}
