package netpolicy

import (
	"testing"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
)

const policyType = "kubernetes:networking.k8s.io/v1:NetworkPolicy"

func TestOnlyListedTrafficIsAllowed(t *testing.T) {
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		_, made, err := New(ctx, "n", &metav1.ObjectMetaArgs{Name: pulumi.String("space")}, []Policy{{
			Name: "server", Pods: map[string]string{"app": "server"},
			Ingress: Ingress{From(Peers{PodsIn(map[string]string{"client": "true"}, nil), Pods(map[string]string{"app": "peer"})}, TCP(8000))},
			Egress:  Egress{To(Peers{addresses("0.0.0.0/0", "10.0.0.0/8")}, TCP(443)), APIServer},
		}})
		require.Len(t, made, 2)
		return err
	})
	both := []any{"Ingress", "Egress"}
	deny := graph.Get(t, policyType, "n-policy-default-deny")
	assert.Equal(t, map[string]any{"podSelector": map[string]any{}, "policyTypes": both}, deny.Value("spec"))
	assert.Equal(t, "space", deny.Value("metadata.namespace"))

	tcp := func(port float64) []any { return []any{map[string]any{"protocol": "TCP", "port": port}} }
	assert.Equal(t, map[string]any{
		"podSelector": map[string]any{"matchLabels": map[string]any{"app": "server"}},
		"policyTypes": both,
		"ingress": []any{map[string]any{"ports": tcp(8000), "from": []any{
			map[string]any{"podSelector": map[string]any{}, "namespaceSelector": map[string]any{"matchLabels": map[string]any{"client": "true"}}},
			map[string]any{"podSelector": map[string]any{"matchLabels": map[string]any{"app": "peer"}}},
		}}},
		"egress": []any{
			map[string]any{"ports": tcp(443), "to": []any{map[string]any{"ipBlock": map[string]any{"cidr": "0.0.0.0/0", "except": []any{"10.0.0.0/8"}}}}},
			map[string]any{"ports": tcp(443)},
		},
	}, graph.Get(t, policyType, "n-policy-server").Value("spec"))
}

// A peer without a range would be every pod of the namespace.
func TestAControlPlaneWithoutARangeUsesOnlyItsAgents(t *testing.T) {
	assert.Len(t, ControlPlane("172.16.0.0/28", 9443).From, 2)
	alone := ControlPlane("", 9443).From.(Peers)
	require.Len(t, alone, 1)
	assert.Equal(t, selector(system), alone[0].(*networkingv1.NetworkPolicyPeerArgs).NamespaceSelector)
}
