package settings

import (
	"fmt"
	"math/bits"
	"net/netip"

	"sglang-tpu/spec/gke"
)

const (
	// podBits is the prefix length of a node's part of the pod range: a /24 with the default of 110 pods
	// per node (https://cloud.google.com/kubernetes-engine/docs/how-to/flexible-pod-cidr).
	podBits = 24
	// unusable addresses of a subnet's primary range: the first two and the last two
	// (https://cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet).
	unusable = 4
	// maxNodes of a regional cluster with private nodes (https://cloud.google.com/kubernetes-engine/quotas).
	maxNodes = 15000
)

// checkScale checks that there are addresses for every node. GKE would reject only the node pool for which
// there are none, after it has created the others.
func (l *loader) checkScale() {
	if l.Topology.Chips() == 0 {
		return // it was reported
	}
	// An upgrade of the system pool needs one more.
	nodes := l.Replicas*l.Topology.Hosts() + l.SystemPool.Nodes + 1
	need := fmt.Sprintf("%d nodes: %d groups x %d hosts of %s, %d of the system pool, and 1 for its upgrades",
		nodes, l.Replicas, l.Topology.Hosts(), l.Topology, l.SystemPool.Nodes)
	if nodes > maxNodes {
		l.found.Add(keyOf("replicas"), fmt.Sprint(l.Replicas), "needs "+need+"; a GKE cluster has at most "+fmt.Sprint(maxNodes), "use fewer groups, or another stack for some of them")
		return
	}
	if l.Network.Existing.Used() || l.Cluster.Existing.Used() || l.Layer == gke.Endpoint {
		return // the ranges are not this stack's
	}
	if pods, err := netip.ParsePrefix(l.Network.Pods); err == nil && pods.Addr().Is4() {
		if room := size(podBits - pods.Bits()); room < nodes {
			l.found.Add(keyOf("network")+".pods", l.Network.Pods, fmt.Sprintf("has room for %d nodes, each of which takes a /%d, but replicas and topology need %s", room, podBits, need),
				fmt.Sprintf("use a /%d or larger; GKE cannot change it later", podBits-bits.Len(uint(nodes-1))))
		}
	}
	if primary, err := netip.ParsePrefix(l.Network.Nodes); err == nil && primary.Addr().Is4() {
		if room := size(32-primary.Bits()) - unusable; room < nodes {
			l.found.Add(keyOf("network")+".nodes", l.Network.Nodes, fmt.Sprintf("has %d addresses for nodes, but replicas and topology need %s", max(room, 0), need),
				fmt.Sprintf("use a /%d or larger", 32-bits.Len(uint(nodes+unusable-1))))
		}
	}
}

// size returns the number of values of the bits; 0 for a negative number of bits.
func size(n int) int {
	if n < 0 {
		return 0
	}
	return 1 << n
}
