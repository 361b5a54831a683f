// Package netpolicy creates namespaces with their NetworkPolicies: ingress and egress are
// denied unless a policy allows them.
//
// A NetworkPolicy cannot name hosts. The internet below is every address outside the
// private ranges. A kubelet may always probe its own pods,
// and kubectl port-forward ends inside the pod, so neither needs a rule.
package netpolicy

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Policy allows traffic of some pods of a namespace.
type Policy struct {
	Name    string            // of the object
	Pods    map[string]string // labels of the pods; empty: every pod
	Ingress Ingress           // allowed traffic; empty: none
	Egress  Egress
}

type (
	// Ingress and Egress allow traffic from and to any of the peers on any of the ports.
	Ingress = networkingv1.NetworkPolicyIngressRuleArray
	Egress  = networkingv1.NetworkPolicyEgressRuleArray
	// Peers are sets of pods or of addresses; none: all.
	Peers = networkingv1.NetworkPolicyPeerArray
	Ports = networkingv1.NetworkPolicyPortArray
)

// From allows traffic from peers.
func From(peers Peers, ports Ports) *networkingv1.NetworkPolicyIngressRuleArgs {
	return &networkingv1.NetworkPolicyIngressRuleArgs{From: peers, Ports: ports}
}

// To allows traffic to peers.
func To(peers Peers, ports Ports) *networkingv1.NetworkPolicyEgressRuleArgs {
	return &networkingv1.NetworkPolicyEgressRuleArgs{To: peers, Ports: ports}
}

// Pods are the pods with the labels in the policy's namespace.
func Pods(labels map[string]string) *networkingv1.NetworkPolicyPeerArgs {
	return &networkingv1.NetworkPolicyPeerArgs{PodSelector: selector(labels)}
}

// PodsIn are the pods with the labels, or every pod if there are none, in the namespaces with the
// given labels.
func PodsIn(namespace, labels map[string]string) *networkingv1.NetworkPolicyPeerArgs {
	return &networkingv1.NetworkPolicyPeerArgs{NamespaceSelector: selector(namespace), PodSelector: selector(labels)}
}

// addresses are those of a range, except for some ranges in it.
func addresses(cidr string, except ...string) *networkingv1.NetworkPolicyPeerArgs {
	return &networkingv1.NetworkPolicyPeerArgs{
		IpBlock: &networkingv1.IPBlockArgs{Cidr: pulumi.String(cidr), Except: pulumi.ToStringArray(except)},
	}
}

// New registers a namespace, a policy that denies everything in it, and then the others. Pods
// must wait for the policies, so that no pod ever runs without them.
func New(ctx *pulumi.Context, name string, namespace *metav1.ObjectMetaArgs, policies []Policy, opts ...pulumi.ResourceOption) (*corev1.Namespace, []pulumi.Resource, error) {
	space, err := corev1.NewNamespace(ctx, name+"-namespace", &corev1.NamespaceArgs{Metadata: namespace}, opts...)
	if err != nil {
		return nil, nil, err
	}
	all, err := Add(ctx, name, space.Metadata.Name(), append([]Policy{{Name: "default-deny"}}, policies...), opts...)
	return space, all, err
}

// Add registers policies in a namespace whose traffic New has denied.
func Add(ctx *pulumi.Context, name string, namespace pulumi.StringPtrInput, policies []Policy, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	var created []pulumi.Resource
	for _, p := range policies {
		resource, err := networkingv1.NewNetworkPolicy(ctx, name+"-policy-"+p.Name, &networkingv1.NetworkPolicyArgs{
			Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(p.Name), Namespace: namespace},
			Spec: &networkingv1.NetworkPolicySpecArgs{
				PodSelector: selector(p.Pods),
				PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
				Ingress:     p.Ingress,
				Egress:      p.Egress,
			},
		}, opts...)
		if err != nil {
			return nil, err
		}
		created = append(created, resource)
	}
	return created, nil
}

func selector(labels map[string]string) *metav1.LabelSelectorArgs {
	s := &metav1.LabelSelectorArgs{}
	if len(labels) > 0 {
		s.MatchLabels = pulumi.ToStringMap(labels)
	}
	return s
}
