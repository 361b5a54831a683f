// Package netpolicy creates the NetworkPolicies of a namespace: ingress and egress are
// denied unless a policy allows them.
//
// A NetworkPolicy cannot name hosts. The internet below is every address outside the
// private ranges. A kubelet may always probe its own pods,
// and kubectl port-forward ends inside the pod, so neither needs a rule.
package netpolicy

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Policy allows traffic of some pods of a namespace.
type Policy struct {
	Name            string            // of the object
	Pods            map[string]string // labels of the pods; empty: every pod
	Ingress, Egress []Rule            // allowed traffic in and out; empty: none
}

// Rule allows traffic with any of the peers on any of the ports.
type Rule struct {
	Peers []Peer // empty: all
	Ports []Port
}

// Peer is a set of pods or of addresses.
type Peer struct {
	Namespace map[string]string // labels of the pods' namespace; empty: this one
	Pods      map[string]string // labels of the pods; empty: every pod there
	CIDR      string            // addresses instead of pods
	Except    []string          // ranges inside CIDR
}

// Port is a port on which the receiver listens.
type Port struct {
	Protocol string // TCP or UDP
	Number   int
}

// New registers a policy that denies everything, and then the others. Pods in the namespace
// must wait for them, so that no pod ever runs without policies.
func New(ctx *pulumi.Context, name string, namespace pulumi.StringPtrInput, policies []Policy, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	return Add(ctx, name, namespace, append([]Policy{{Name: "default-deny"}}, policies...), opts...)
}

// Add registers policies in a namespace whose traffic New has denied.
func Add(ctx *pulumi.Context, name string, namespace pulumi.StringPtrInput, policies []Policy, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	var made []pulumi.Resource
	for _, p := range policies {
		resource, err := networkingv1.NewNetworkPolicy(ctx, name+"-policy-"+p.Name, &networkingv1.NetworkPolicyArgs{
			Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(p.Name), Namespace: namespace},
			Spec: &networkingv1.NetworkPolicySpecArgs{
				PodSelector: selector(p.Pods),
				PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
				Ingress:     ingress(p.Ingress),
				Egress:      egress(p.Egress),
			},
		}, opts...)
		if err != nil {
			return nil, err
		}
		made = append(made, resource)
	}
	return made, nil
}

func ingress(rules []Rule) networkingv1.NetworkPolicyIngressRuleArray {
	var list networkingv1.NetworkPolicyIngressRuleArray
	for _, r := range rules {
		list = append(list, &networkingv1.NetworkPolicyIngressRuleArgs{From: peers(r.Peers), Ports: ports(r.Ports)})
	}
	return list
}

func egress(rules []Rule) networkingv1.NetworkPolicyEgressRuleArray {
	var list networkingv1.NetworkPolicyEgressRuleArray
	for _, r := range rules {
		list = append(list, &networkingv1.NetworkPolicyEgressRuleArgs{To: peers(r.Peers), Ports: ports(r.Ports)})
	}
	return list
}

func peers(given []Peer) networkingv1.NetworkPolicyPeerArray {
	var list networkingv1.NetworkPolicyPeerArray
	for _, p := range given {
		peer := &networkingv1.NetworkPolicyPeerArgs{}
		switch {
		case p.CIDR != "":
			peer.IpBlock = &networkingv1.IPBlockArgs{Cidr: pulumi.String(p.CIDR), Except: pulumi.ToStringArray(p.Except)}
		default:
			peer.PodSelector = selector(p.Pods)
			if len(p.Namespace) > 0 {
				peer.NamespaceSelector = selector(p.Namespace)
			}
		}
		list = append(list, peer)
	}
	return list
}

func ports(given []Port) networkingv1.NetworkPolicyPortArray {
	var list networkingv1.NetworkPolicyPortArray
	for _, p := range given {
		list = append(list, &networkingv1.NetworkPolicyPortArgs{Protocol: pulumi.String(p.Protocol), Port: pulumi.Int(p.Number)})
	}
	return list
}

func selector(labels map[string]string) *metav1.LabelSelectorArgs {
	s := &metav1.LabelSelectorArgs{}
	if len(labels) > 0 {
		s.MatchLabels = pulumi.ToStringMap(labels)
	}
	return s
}
