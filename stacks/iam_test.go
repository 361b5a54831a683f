package stacks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/policytest"
)

// allowed are all roles that the stack gives, each on the smallest resource that has it.
// Only what GKE's nodes need is given on the project, because it is about the project:
// their logs and metrics, and the use of its API for image streaming.
var allowed = map[policytest.Kind][]string{
	policytest.ProjectIAM:    {"roles/container.defaultNodeServiceAccount", "roles/serviceusage.serviceUsageConsumer"},
	policytest.RepositoryIAM: {"roles/artifactregistry.reader", "roles/artifactregistry.writer"},
	policytest.AccountIAM:    {"roles/iam.workloadIdentityUser"},
	policytest.BucketIAM:     {"roles/storage.objectUser"},
	policytest.SecretIAM:     {"roles/secretmanager.secretAccessor"},
}

// binding matches every type that gives somebody a role, of any Google Cloud resource.
var binding = regexp.MustCompile(`(?i)iam(member|binding|policy|custom.?role|audit)`)

// tooBroad lists the bindings of a graph that are not on the allow-list.
func tooBroad(graph []*policytest.Object) []string {
	var found []string
	for _, o := range graph {
		if !strings.HasPrefix(o.Type, "gcp:") || !binding.MatchString(o.Type) {
			continue
		}
		role, _ := o.Fields["role"].(string)
		ok := false
		for _, r := range allowed[policytest.Kind(o.Type)] {
			ok = ok || r == role
		}
		if !ok {
			found = append(found, fmt.Sprintf("%s (%s) gives %q", o.Name, o.Type, role))
		}
	}
	return found
}

func TestPolicyNoBindingIsBroaderThanTheAllowList(t *testing.T) {
	for environment, g := range environments(t) {
		graph := objects(g)
		assert.Empty(t, tooBroad(graph), environment)

		given := map[string]bool{}
		purposes := map[string]map[string]bool{}
		for _, o := range graph {
			if !binding.MatchString(o.Type) {
				continue
			}
			given[o.Type] = true
			member, _ := o.Fields["member"].(string)
			require.NotEmpty(t, member, o.Name)
			if purposes[member] == nil {
				purposes[member] = map[string]bool{}
			}
			purposes[member][o.Fields["role"].(string)] = true

			// Each way to give more is noticed.
			for _, role := range []string{"roles/owner", "roles/editor", "roles/storage.admin", "roles/container.admin", "roles/artifactregistry.admin"} {
				broken := policytest.Copy(graph)
				for _, b := range broken {
					if b.Type == o.Type && b.Name == o.Name {
						b.Fields["role"] = role
					}
				}
				assert.Len(t, tooBroad(broken), 1, "%s with %s", o.Name, role)
			}
		}
		require.GreaterOrEqual(t, len(given), 4, "%s: kinds of bindings", environment)
		// An identity that reads and writes, or works for two, would serve two purposes.
		for member, roles := range purposes {
			names := slices.Sorted(maps.Keys(roles))
			assert.False(t, roles["roles/artifactregistry.writer"] && roles["roles/container.defaultNodeServiceAccount"], "%s: %v", member, names)
			most := 2
			if roles["roles/container.defaultNodeServiceAccount"] {
				most = 3 // a node's own, image streaming, and images to read
			}
			assert.LessOrEqual(t, len(names), most, "%s: %v", member, names)
		}
	}
}

func TestPolicyDetectsABindingOfAnotherKind(t *testing.T) {
	for _, typ := range []string{
		"gcp:projects/iAMBinding:IAMBinding", "gcp:projects/iAMPolicy:IAMPolicy", "gcp:storage/bucketIAMBinding:BucketIAMBinding",
		"gcp:folder/iAMMember:IAMMember", "gcp:organizations/iAMMember:IAMMember", "gcp:compute/instanceIAMMember:InstanceIAMMember",
	} {
		assert.Len(t, tooBroad([]*policytest.Object{{Type: typ, Name: "x", Fields: map[string]any{"role": "roles/storage.objectUser"}}}), 1, typ)
	}
}
