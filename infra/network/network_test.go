package network

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/spec/gke"
)

const (
	networkType  = "gcp:compute/network:Network"
	subnetType   = "gcp:compute/subnetwork:Subnetwork"
	routerType   = "gcp:compute/router:Router"
	natType      = "gcp:compute/routerNat:RouterNat"
	firewallType = "gcp:compute/firewall:Firewall"
)

func create(t *testing.T) (*pulumitest.Graph, *Network) {
	t.Helper()
	var n *Network
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, provider))
		var err error
		n, err = New(ctx, "network", &Args{
			Name: "sglang-tpu-test", Project: "p", Region: "us-central1",
			Ranges:  gke.Network{Nodes: "10.0.0.0/20", Pods: "10.4.0.0/14", Services: "10.8.0.0/20", ControlPlane: "172.16.0.0/28"},
			NodeTag: "node", WebhookPorts: []int{9443, 8443},
		}, pulumi.Providers(provider), pulumi.Protect(true))
		if err != nil {
			return err
		}
		assert.Equal(t, "network-id", pulumitest.Await[string](t, n.NetworkID))
		assert.Equal(t, "network-subnet-id", pulumitest.Await[string](t, n.SubnetworkID))
		return nil
	})
	return graph, n
}

func TestEverythingIsInsideTheComponentAndAwaited(t *testing.T) {
	graph, n := create(t)
	for typ, name := range map[string]string{
		networkType: "network", subnetType: "network-subnet", routerType: "network-router",
		natType: "network-nat", firewallType: "network-webhooks",
	} {
		r := graph.Get(t, typ, name)
		assert.Equal(t, "network", r.Parent(), name)
		assert.Equal(t, "google", r.Provider(), name)
		assert.True(t, r.Protected(), name)
		assert.Equal(t, "p", r.Value("project"), name)
	}
	assert.Len(t, n.Dependencies, 5)
}

func TestTheSubnetHasNamedRangesForPodsAndServices(t *testing.T) {
	graph, _ := create(t)
	for path, want := range map[string]any{
		"network": "network-id", "region": "us-central1", "ipCidrRange": "10.0.0.0/20", "privateIpGoogleAccess": true,
		"secondaryIpRanges": []any{
			map[string]any{"rangeName": "pods", "ipCidrRange": "10.4.0.0/14"},
			map[string]any{"rangeName": "services", "ipCidrRange": "10.8.0.0/20"},
		},
		"logConfig.flowSampling": 0.1,
	} {
		assert.Equal(t, want, graph.Get(t, subnetType, "network-subnet").Value(path), path)
	}
	vpc := graph.Get(t, networkType, "network")
	assert.Equal(t, false, vpc.Value("autoCreateSubnetworks"))
	assert.InDelta(t, 8896, vpc.Value("mtu"), 0)
}

func TestNodesWithoutAddressesReachTheInternetThroughTheNAT(t *testing.T) {
	graph, _ := create(t)
	nat := graph.Get(t, natType, "network-nat")
	assert.True(t, nat.DependsOn("network-router"))
	assert.Equal(t, "ALL_SUBNETWORKS_ALL_IP_RANGES", nat.Value("sourceSubnetworkIpRangesToNat"))
	assert.Equal(t, "AUTO_ONLY", nat.Value("natIpAllocateOption"))
}

func TestOnlyTheControlPlaneReachesTheWebhooks(t *testing.T) {
	graph, _ := create(t)
	rule := graph.Get(t, firewallType, "network-webhooks")
	for path, want := range map[string]any{
		"direction": "INGRESS", "sourceRanges": []any{"172.16.0.0/28"}, "targetTags": []any{"node"},
		"allows": []any{map[string]any{"protocol": "tcp", "ports": []any{"9443", "8443"}}},
	} {
		assert.Equal(t, want, rule.Value(path), path)
	}
}
