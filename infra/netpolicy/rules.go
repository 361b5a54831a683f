package netpolicy

import (
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// system is the namespace of GKE's own pods.
var system = map[string]string{"kubernetes.io/metadata.name": "kube-system"}

func port(protocol string, number int) *networkingv1.NetworkPolicyPortArgs {
	return &networkingv1.NetworkPolicyPortArgs{Protocol: pulumi.String(protocol), Port: pulumi.Int(number)}
}

// TCP lists ports on which the receiver listens.
func TCP(numbers ...int) Ports {
	var ports Ports
	for _, n := range numbers {
		ports = append(ports, port("TCP", n))
	}
	return ports
}

// DNS allows GKE's DNS in all variants: kube-dns, NodeLocal DNSCache (a pod for Dataplane
// V2, and a link-local address in other clusters) and Cloud DNS.
var DNS = To(Peers{
	PodsIn(system, map[string]string{"k8s-app": "kube-dns"}),
	PodsIn(system, map[string]string{"k8s-app": "node-local-dns"}),
	addresses("169.254.20.10/32"),
	addresses("169.254.169.254/32"),
}, Ports{port("UDP", 53), port("TCP", 53)})

// Metadata allows GKE's metadata server, which issues Workload Identity tokens. GKE's
// documentation requires both addresses: Dataplane V2 sees the one to which pods send
// requests, and other clusters see the one to which these are forwarded.
var Metadata = Egress{
	To(Peers{addresses("169.254.169.254/32")}, TCP(80)),
	To(Peers{addresses("169.254.169.252/32")}, TCP(988)),
}

// Web allows HTTPS to the internet: Google's APIs, the Hugging Face Hub, GitHub,
// registries.
var Web = To(Peers{addresses("0.0.0.0/0", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")}, TCP(443))

// APIServer allows the control plane. GKE decides which of its addresses a node uses, so
// the rule contains only the port.
var APIServer = To(nil, TCP(443))

// ControlPlane allows the peers that call webhooks: GKE's konnectivity agents, which are
// pods through which a control plane outside of the network reaches the cluster, or else
// the control plane's own range. The range is empty if it has none in the network.
func ControlPlane(cidr string, port int) *networkingv1.NetworkPolicyIngressRuleArgs {
	peers := Peers{PodsIn(system, map[string]string{"k8s-app": "konnectivity-agent"})}
	if cidr != "" {
		peers = append(peers, addresses(cidr))
	}
	return From(peers, TCP(port))
}

// Collectors allows the collectors of GKE's managed collection for Prometheus, which
// scrape the pods of their node. They run in one of two namespaces of GKE. Source of the
// label: manifests/operator.yaml of GoogleCloudPlatform/prometheus-engine.
func Collectors(port int) *networkingv1.NetworkPolicyIngressRuleArgs {
	var peers Peers
	for _, namespace := range []string{"gmp-system", "gke-gmp-system"} {
		peers = append(peers, PodsIn(map[string]string{"kubernetes.io/metadata.name": namespace}, map[string]string{"app.kubernetes.io/name": "collector"}))
	}
	return From(peers, TCP(port))
}
