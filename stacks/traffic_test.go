package stacks

import (
	"fmt"
	"maps"
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/policytest"
)

// end is one side of a connection: a pod, or an address outside the cluster.
type end struct {
	namespace string
	spaces    map[string]string // labels of the namespace
	labels    map[string]string // of the pod
	address   string            // instead of a pod
}

func (e end) String() string {
	if e.address != "" {
		return e.address
	}
	return fmt.Sprintf("%s %v", e.namespace, e.labels)
}

// flow is a connection that the stack makes or must not be able to make.
type flow struct {
	from, to end
	protocol string
	port     int
	why      string
}

// policies evaluates NetworkPolicies as Kubernetes defines them: a pod that any policy
// selects may do what one of those that select it allows.
type policies []policytest.Subject

func (n policies) allows(f flow) bool {
	return n.side(f.from, f.to, f, "egress", "to") && n.side(f.to, f.from, f, "ingress", "from")
}

func (n policies) side(of, peer end, f flow, direction, peers string) bool {
	if of.address != "" {
		return true
	}
	selected := false
	for _, p := range n {
		if policytest.Get(p.Fields, "metadata.namespace") != of.namespace || !selects(policytest.Get(p.Fields, "spec.podSelector"), of.labels) {
			continue
		}
		selected = true
		rules, _ := policytest.Get(p.Fields, "spec."+direction).([]any)
		for _, r := range rules {
			rule := r.(map[string]any)
			if anyPort(rule["ports"], f) && anyPeer(rule[peers], of.namespace, peer) {
				return true
			}
		}
	}
	return !selected
}

func anyPort(ports any, f flow) bool {
	list, _ := ports.([]any)
	for _, p := range list {
		port := p.(map[string]any)
		if port["protocol"] == f.protocol && port["port"] == float64(f.port) {
			return true
		}
	}
	return len(list) == 0
}

func anyPeer(peers any, namespace string, e end) bool {
	list, _ := peers.([]any)
	for _, p := range list {
		peer := p.(map[string]any)
		block, isBlock := peer["ipBlock"].(map[string]any)
		switch {
		case isBlock != (e.address != ""): // Dataplane V2 takes no pod for an address
		case isBlock:
			if inBlock(block, e.address) {
				return true
			}
		case peer["namespaceSelector"] == nil:
			if e.namespace == namespace && selects(peer["podSelector"], e.labels) {
				return true
			}
		case selects(peer["namespaceSelector"], e.spaces) && selects(peer["podSelector"], e.labels):
			return true
		}
	}
	return len(list) == 0
}

func inBlock(block map[string]any, address string) bool {
	a := netip.MustParseAddr(address)
	if !netip.MustParsePrefix(block["cidr"].(string)).Contains(a) {
		return false
	}
	except, _ := block["except"].([]any)
	for _, e := range except {
		if netip.MustParsePrefix(e.(string)).Contains(a) {
			return false
		}
	}
	return true
}

func selects(selector any, labels map[string]string) bool {
	s, _ := selector.(map[string]any)
	wanted, _ := s["matchLabels"].(map[string]any)
	for key, value := range wanted {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// Addresses of the outside.
const (
	hub             = "18.165.1.1"      // huggingface.co, or any other address of the internet
	metadata        = "169.254.169.254" // as Dataplane V2 sees it
	metadataForward = "169.254.169.252" // as others do
	localDNS        = "169.254.20.10"
	controlPlane    = "172.16.0.2"
)

func system(label string) end {
	return end{namespace: "kube-system", spaces: map[string]string{"kubernetes.io/metadata.name": "kube-system"}, labels: map[string]string{"k8s-app": label}}
}

// collector is a pod of GKE's managed collection for Prometheus.
func collector(namespace string) end {
	return end{namespace: namespace, spaces: map[string]string{"kubernetes.io/metadata.name": namespace}, labels: map[string]string{"app.kubernetes.io/name": "collector"}}
}

// podsOf finds the pods that workloads of a graph make, with what their controllers add.
func podsOf(t *testing.T, graph []*policytest.Object) map[string]end {
	t.Helper()
	found := map[string]end{"manager": {namespace: "lws-system", labels: map[string]string{"control-plane": "controller-manager"}}}
	for _, pod := range policytest.Pod.Subjects(graph) {
		labels := map[string]string{}
		given, _ := policytest.Get(pod.Fields, "metadata.labels").(map[string]any)
		for key, value := range given {
			labels[key] = value.(string)
		}
		if pod.Object.Type == setType {
			labels["leaderworkerset.sigs.k8s.io/name"] = policytest.Get(pod.Object.Fields, "metadata.name").(string)
			labels["leaderworkerset.sigs.k8s.io/worker-index"] = map[string]string{"serving/leader": "0", "serving/worker": "1"}[pod.Name]
		}
		namespace, _ := policytest.Get(pod.Object.Fields, "metadata.namespace").(string)
		found[pod.Name] = end{namespace: namespace, labels: labels}
	}
	return found
}

// uses are all connections of the stack.
func uses(t *testing.T, pods map[string]end) []flow {
	t.Helper()
	leader, worker, manager := pods["serving/leader"], pods["serving/worker"], pods["manager"]
	client := end{namespace: "apps", spaces: map[string]string{"sglang-tpu/client": "true"}}
	flows := []flow{
		{client, leader, "TCP", 8000, "requests"},
		{system("konnectivity-agent"), manager, "TCP", 9443, "webhooks, by GKE's agents"},
		{end{address: controlPlane}, manager, "TCP", 9443, "webhooks, straight from the control plane"},
		{manager, end{address: controlPlane}, "TCP", 443, "the API server"},
		{manager, end{address: "34.1.2.3"}, "TCP", 443, "the API server by its public address"},
	}
	for _, port := range []int{20000, 20005, 20006, 8471, 8476} {
		flows = append(flows, flow{worker, leader, "TCP", port, "the group"}, flow{leader, worker, "TCP", port, "the group"})
	}
	if exporter, ok := pods["monitoring-exporter/pod"]; ok {
		flows = append(flows,
			flow{collector("gmp-system"), exporter, "TCP", 7979, "metrics"},
			flow{collector("gke-gmp-system"), exporter, "TCP", 7979, "metrics"},
			flow{exporter, leader, "TCP", 8000, "the server's state"},
		)
		for _, dns := range []end{system("kube-dns"), system("node-local-dns"), {address: localDNS}, {address: metadata}} {
			flows = append(flows, flow{exporter, dns, "UDP", 53, "names"}, flow{exporter, dns, "TCP", 53, "long answers"})
		}
	}
	for _, name := range []string{"serving/leader", "serving/worker", "serving-download/pod", "image-build/pod"} {
		pod, ok := pods[name]
		if !ok {
			continue // in disk mode there is no download
		}
		for _, dns := range []end{system("kube-dns"), system("node-local-dns"), {address: localDNS}, {address: metadata}} {
			flows = append(flows, flow{pod, dns, "UDP", 53, "names"}, flow{pod, dns, "TCP", 53, "long answers"})
		}
		flows = append(flows,
			flow{pod, end{address: metadata}, "TCP", 80, "tokens"},
			flow{pod, end{address: metadataForward}, "TCP", 988, "tokens"},
			flow{pod, end{address: hub}, "TCP", 443, "weights, sources, images, Google's APIs"},
		)
	}
	return flows
}

// mustNot are connections that nobody needs.
func mustNot(pods map[string]end) []flow {
	leader, worker, manager := pods["serving/leader"], pods["serving/worker"], pods["manager"]
	stranger, client := end{namespace: "apps"}, end{namespace: "apps", spaces: map[string]string{"sglang-tpu/client": "true"}}
	other := end{namespace: leader.namespace, labels: map[string]string{"leaderworkerset.sigs.k8s.io/name": "another"}}
	node := end{address: "10.0.0.5"}
	flows := []flow{
		{stranger, leader, "TCP", 8000, "requests from a namespace that nobody labelled"},
		{client, leader, "TCP", 20000, "a client in the rendezvous"},
		{client, worker, "TCP", 8000, "a client past the leader"},
		{end{address: hub}, leader, "TCP", 8000, "requests from the internet"},
		{other, leader, "TCP", 20000, "another set's pod in the rendezvous"},
		{stranger, manager, "TCP", 9443, "a pod that calls webhooks"},
		{system("anything"), manager, "TCP", 9443, "a pod that calls webhooks"},
		{manager, end{address: hub}, "TCP", 80, "the controller on the internet"},
		{stranger, end{namespace: pods["image-build/pod"].namespace, labels: map[string]string{"app.kubernetes.io/name": "image-builder"}}, "TCP", 1234, "somebody in a build"},
		{end{namespace: leader.namespace, labels: map[string]string{"run": "shell"}}, end{address: hub}, "TCP", 443, "a pod without a policy of its own"},
	}
	if exporter, ok := pods["monitoring-exporter/pod"]; ok {
		flows = append(flows,
			flow{stranger, exporter, "TCP", 7979, "a pod that asks the exporter, which sends the API key where it is told to"},
			flow{client, exporter, "TCP", 7979, "a client that asks the exporter"},
			flow{other, exporter, "TCP", 7979, "a server that asks the exporter"},
			flow{end{namespace: "apps", labels: map[string]string{"app.kubernetes.io/name": "collector"}}, exporter, "TCP", 7979, "a pod that calls itself a collector"},
			flow{end{namespace: "gmp-system", spaces: map[string]string{"kubernetes.io/metadata.name": "gmp-system"}}, exporter, "TCP", 7979, "another pod of GKE's"},
			flow{exporter, worker, "TCP", 8000, "the exporter at a worker"},
			flow{exporter, leader, "TCP", 20000, "the exporter in the rendezvous"},
			flow{exporter, end{address: hub}, "TCP", 443, "the exporter on the internet"},
			flow{collector("gmp-system"), leader, "TCP", 8000, "a collector at the server"},
		)
	}
	for name, pod := range pods {
		flows = append(flows,
			flow{pod, node, "TCP", 10250, name + " to a kubelet"},
			flow{pod, stranger, "TCP", 80, name + " to another team"},
			flow{pod, end{address: hub}, "TCP", 22, name + " to the internet but by HTTPS"},
		)
	}
	return flows
}

func TestPolicyOfTheNetworkAllowsWhatTheStackUsesAndNothingElse(t *testing.T) {
	for environment, g := range environments(t) {
		graph := objects(g)
		n := policies(policytest.NetworkPolicy.Subjects(graph))
		require.NotEmpty(t, n)
		pods := podsOf(t, graph)
		used := uses(t, pods)
		for _, f := range used {
			assert.True(t, n.allows(f), "%s: %s -> %s %s/%d: %s", environment, f.from, f.to, f.protocol, f.port, f.why)
		}
		for _, f := range mustNot(pods) {
			assert.False(t, n.allows(f), "%s: %s -> %s %s/%d: %s", environment, f.from, f.to, f.protocol, f.port, f.why)
		}
		// Whatever the graph says is listened on is among the flows.
		covered := map[int]bool{}
		for _, f := range used {
			covered[f.port] = true
		}
		for _, port := range listened(t, graph) {
			assert.True(t, covered[port], "%s: port %d is nobody's", environment, port)
		}
	}
}

// listened are the ports that containers name, that the rendezvous takes and that the
// firewall opens for webhooks.
func listened(t *testing.T, graph []*policytest.Object) []int {
	t.Helper()
	var ports []int
	for _, c := range policytest.Container.Subjects(graph) {
		named, _ := c.Fields["ports"].([]any)
		for _, p := range named {
			ports = append(ports, int(p.(map[string]any)["containerPort"].(float64)))
		}
		env, _ := c.Fields["env"].([]any)
		for _, e := range env {
			if variable := e.(map[string]any); variable["name"] == "RENDEZVOUS_PORT" {
				base, err := strconv.Atoi(variable["value"].(string))
				require.NoError(t, err)
				ports = append(ports, base, base+5, base+6)
			}
		}
	}
	for _, f := range policytest.Firewall.Subjects(graph) {
		for _, text := range policytest.Get(f.Fields, "allows[0].ports").([]any) {
			port, err := strconv.Atoi(text.(string))
			require.NoError(t, err)
			ports = append(ports, port)
		}
	}
	require.GreaterOrEqual(t, len(ports), 5)
	return ports
}

// Each rule is there for somebody: without it, a flow of the stack is cut.
func TestPolicyOfTheNetworkHasNoUnusedRule(t *testing.T) {
	graph := objects(environments(t)["all"])
	used := uses(t, podsOf(t, graph))
	for i, o := range graph {
		if policytest.Kind(o.Type) != policytest.NetworkPolicy {
			continue
		}
		for _, direction := range []string{"ingress", "egress"} {
			rules, _ := policytest.Get(o.Fields, "spec."+direction).([]any)
			for r := range rules {
				cut := policytest.Copy(graph)
				spec := cut[i].Fields["spec"].(map[string]any)
				kept := append([]any{}, spec[direction].([]any)[:r]...)
				spec = maps.Clone(spec)
				spec[direction] = append(kept, rules[r+1:]...)
				cut[i].Fields["spec"] = spec
				n := policies(policytest.NetworkPolicy.Subjects(cut))
				cuts := 0
				for _, f := range used {
					if !n.allows(f) {
						cuts++
					}
				}
				assert.NotZero(t, cuts, "%s: %s rule %d is for nothing", o.Name, direction, r)
			}
		}
	}
}
