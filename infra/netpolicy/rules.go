package netpolicy

// system is the namespace of GKE's own pods.
var system = map[string]string{"kubernetes.io/metadata.name": "kube-system"}

// TCP lists ports.
func TCP(numbers ...int) []Port {
	var ports []Port
	for _, n := range numbers {
		ports = append(ports, Port{Protocol: "TCP", Number: n})
	}
	return ports
}

// DNS allows GKE's DNS in all variants: kube-dns, NodeLocal DNSCache (a pod for Dataplane
// V2, and a link-local address in other clusters) and Cloud DNS.
var DNS = Rule{
	Peers: []Peer{
		{Namespace: system, Pods: map[string]string{"k8s-app": "kube-dns"}},
		{Namespace: system, Pods: map[string]string{"k8s-app": "node-local-dns"}},
		{CIDR: "169.254.20.10/32"},
		{CIDR: "169.254.169.254/32"},
	},
	Ports: []Port{{Protocol: "UDP", Number: 53}, {Protocol: "TCP", Number: 53}},
}

// Metadata allows GKE's metadata server, which issues Workload Identity tokens. GKE's
// documentation requires both addresses: Dataplane V2 sees the one to which pods send
// requests, and other clusters see the one to which these are forwarded.
var Metadata = []Rule{
	{Peers: []Peer{{CIDR: "169.254.169.254/32"}}, Ports: TCP(80)},
	{Peers: []Peer{{CIDR: "169.254.169.252/32"}}, Ports: TCP(988)},
}

// Web allows HTTPS to the internet: Google's APIs, the Hugging Face Hub, GitHub,
// registries.
var Web = Rule{
	Peers: []Peer{{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}}},
	Ports: TCP(443),
}

// APIServer allows the control plane. GKE decides which of its addresses a node uses, so
// the rule contains only the port.
var APIServer = Rule{Ports: TCP(443)}

// ControlPlane returns the peers that call webhooks: GKE's konnectivity agents, which are
// pods through which a control plane outside of the network reaches the cluster, or else
// the control plane's own range. The range is empty if it has none in the network.
func ControlPlane(cidr string, port int) Rule {
	peers := []Peer{{Namespace: system, Pods: map[string]string{"k8s-app": "konnectivity-agent"}}}
	if cidr != "" {
		peers = append(peers, Peer{CIDR: cidr})
	}
	return Rule{Peers: peers, Ports: TCP(port)}
}

// Collectors returns the collectors of GKE's managed collection for Prometheus, which
// scrape the pods of their node. They run in one of two namespaces of GKE. Source of the
// label: manifests/operator.yaml of GoogleCloudPlatform/prometheus-engine.
func Collectors(port int) Rule {
	var peers []Peer
	for _, namespace := range []string{"gmp-system", "gke-gmp-system"} {
		peers = append(peers, Peer{
			Namespace: map[string]string{"kubernetes.io/metadata.name": namespace},
			Pods:      map[string]string{"app.kubernetes.io/name": "collector"},
		})
	}
	return Rule{Peers: peers, Ports: TCP(port)}
}
