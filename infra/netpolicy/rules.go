package netpolicy

// system is the namespace of what GKE runs in a cluster by itself.
var system = map[string]string{"kubernetes.io/metadata.name": "kube-system"}

// TCP lists ports.
func TCP(numbers ...int) []Port {
	var ports []Port
	for _, n := range numbers {
		ports = append(ports, Port{Protocol: "TCP", Number: n})
	}
	return ports
}

// DNS is GKE's, in each of its forms: kube-dns, NodeLocal DNSCache (which Dataplane V2
// redirects to as to pods, and others by a link-local address) and Cloud DNS.
var DNS = Rule{
	Peers: []Peer{
		{Namespace: system, Pods: map[string]string{"k8s-app": "kube-dns"}},
		{Namespace: system, Pods: map[string]string{"k8s-app": "node-local-dns"}},
		{CIDR: "169.254.20.10/32"},
		{CIDR: "169.254.169.254/32"},
	},
	Ports: []Port{{Protocol: "UDP", Number: 53}, {Protocol: "TCP", Number: 53}},
}

// Metadata is GKE's metadata server, which gives tokens of Workload Identity. GKE's
// documentation names both addresses, and asks that both be allowed: Dataplane V2 sees
// the one that pods ask, other clusters the one that it is forwarded to.
var Metadata = []Rule{
	{Peers: []Peer{{CIDR: "169.254.169.254/32"}}, Ports: TCP(80)},
	{Peers: []Peer{{CIDR: "169.254.169.252/32"}}, Ports: TCP(988)},
}

// Web is HTTPS to the internet: Google's APIs, the Hugging Face Hub, GitHub, registries.
var Web = Rule{
	Peers: []Peer{{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}}},
	Ports: TCP(443),
}

// APIServer is the control plane. Which of its addresses a node uses is for GKE to say,
// so the rule names the port alone.
var APIServer = Rule{Ports: TCP(443)}

// ControlPlane is where calls to webhooks come from: GKE's konnectivity agents, pods
// through which a control plane without a way of its own into the network reaches the
// cluster, or else its own range; empty: it has none in the network.
func ControlPlane(cidr string, port int) Rule {
	peers := []Peer{{Namespace: system, Pods: map[string]string{"k8s-app": "konnectivity-agent"}}}
	if cidr != "" {
		peers = append(peers, Peer{CIDR: cidr})
	}
	return Rule{Peers: peers, Ports: TCP(port)}
}

// Collectors are those of GKE's managed collection for Prometheus, which scrape the pods of
// their own node. Clusters have them in one of two namespaces of GKE's own. Source of the
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
