package cluster

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

func TestForAnExistingClusterOnlyTheNodeAccountIsAdded(t *testing.T) {
	for given, accounts := range map[string]int{"": 1, "theirs@p.iam.gserviceaccount.com": 0} {
		graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
			c, err := NewExisting(ctx, "cluster", &ExistingArgs{
				ID: "projects/p/locations/l/clusters/team", Name: "team", Endpoint: "gke-1.example", WorkloadPool: "p.svc.id.goog",
				NodeServiceAccount: given, Project: "p", Base: "sglang-tpu-test",
			})
			require.NoError(t, err)
			assert.Contains(t, pulumitest.Await[string](t, c.Kubeconfig), "https://gke-1.example")
			want := given
			if want == "" {
				want = nodeAccount
			}
			assert.Equal(t, want, pulumitest.Await[string](t, c.NodeServiceAccount))
			return nil
		})
		assert.Empty(t, graph.OfType(clusterType))
		assert.Empty(t, graph.OfType(poolType))
		assert.Len(t, graph.OfType(accountType), accounts)
		assert.Len(t, graph.OfType(roleType), 2*accounts, "nothing is given to an account of others")
		provider := graph.Get(t, "pulumi:providers:kubernetes", "cluster")
		assert.Equal(t, "projects/p/locations/l/clusters/team", provider.Value("clusterIdentifier"))
	}
}
