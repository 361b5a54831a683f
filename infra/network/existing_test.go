package network

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

func TestForAnExistingNetworkAtMostOneRuleIsAdded(t *testing.T) {
	for rule, want := range map[string]int{"": 0, "sglang-tpu-test-webhooks": 1} {
		graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
			n, err := NewExisting(ctx, "network", &ExistingArgs{
				Project: "host", Region: "us-central1", Network: "corporate", Subnetwork: "ml",
				FirewallName: rule, ControlPlane: "172.16.0.0/28", NodeTag: "node", WebhookPorts: []int{9443},
			})
			require.NoError(t, err)
			assert.Len(t, n.Dependencies, want)
			assert.Equal(t, "projects/host/global/networks/corporate", pulumitest.Await[string](t, n.NetworkID))
			assert.Equal(t, "projects/host/regions/us-central1/subnetworks/ml", pulumitest.Await[string](t, n.SubnetworkID))
			return nil
		})
		assert.Len(t, graph.All(), 1+want, "the component, and the rule")
		if want == 0 {
			continue
		}
		made := graph.Get(t, "gcp:compute/firewall:Firewall", "network-webhooks")
		for path, value := range map[string]any{
			"project": "host", "network": "projects/host/global/networks/corporate", "sourceRanges[0]": "172.16.0.0/28",
			"targetTags[0]": "node", "allows[0].ports[0]": "9443",
		} {
			assert.Equal(t, value, made.Value(path), path)
		}
	}
}
