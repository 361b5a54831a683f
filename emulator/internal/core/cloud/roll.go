package cloud

import (
	"errors"
	"strings"
)

// recreating are the properties whose change makes GKE recreate a pool's nodes; labels,
// taints, tags and the rest change on the nodes that are there.
// https://cloud.google.com/kubernetes-engine/docs/concepts/managing-clusters lists both.
var recreating = []string{
	"version", "networkConfig.enablePrivateNodes", "networkConfig.networkPerformanceConfig",
	"nodeConfig.machineType", "nodeConfig.diskType", "nodeConfig.diskSizeGb", "nodeConfig.bootDisk", "nodeConfig.storagePools",
	"nodeConfig.imageType", "nodeConfig.gcfsConfig", "nodeConfig.gvnic", "nodeConfig.fastSocket", "nodeConfig.loggingVariant",
	"nodeConfig.containerdConfig", "nodeConfig.confidentialNodes", "nodeConfig.linuxNodeConfig", "nodeConfig.windowsNodeConfig",
	"nodeConfig.kubeletConfig", "nodeConfig.workloadMetadataConfig",
}

func recreatesNodes(before, now Values) bool {
	for _, path := range recreating {
		if !same(before.at(path), now.at(path)) {
			return true
		}
	}
	return false
}

// roll recreates a pool's nodes by its upgrade settings: with a spare node
// first, or without. The nodes of a slice go and come together
// (https://cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus).
func (o *operation) roll() error {
	r := o.resource
	if r.Inputs.truth("nodeConfig.flexStart") {
		// Short-lived upgrades: nodes that are there stay as they are until they go.
		// https://cloud.google.com/kubernetes-engine/docs/concepts/node-pool-upgrade-strategies
		return o.setNodes(o.settle())
	}
	o.cloud.mu.Lock()
	old := o.cloud.nodesOf(&Resource{Type: r.Type, ID: r.ID, Inputs: o.before, ScaledUp: r.ScaledUp, Generation: r.Generation})
	r.Generation++
	o.cloud.mu.Unlock()
	all := o.settle()
	if strings.HasPrefix(o.before.text("nodeConfig.machineType"), "tpu") {
		if err := errors.Join(o.drain(old), o.setNodes(nil)); err != nil {
			return err
		}
		o.cloud.wait(o.ctx, 4)
		return o.setNodes(all)
	}
	spare := 1 // GKE's own value
	if o.before.at("upgradeSettings.maxSurge") != nil {
		spare = o.before.number("upgradeSettings.maxSurge")
	}
	for i := range old {
		fresh := all[:min(i+1, len(all))]
		first := append(append([]Node{}, old[i:]...), fresh...)
		if spare == 0 {
			first = append(append([]Node{}, old[i+1:]...), all[:min(i, len(all))]...)
		}
		leaves := old[i : i+1]
		if spare == 0 {
			if err := o.drain(leaves); err != nil {
				return err
			}
		}
		if err := o.setNodes(first); err != nil {
			return err
		}
		if spare > 0 {
			if err := o.drain(leaves); err != nil {
				return err
			}
		}
		if err := o.setNodes(append(append([]Node{}, old[i+1:]...), fresh...)); err != nil {
			return err
		}
	}
	return o.setNodes(all)
}

// drain empties nodes before they are made anew.
func (o *operation) drain(nodes []Node) error {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = n.Name
	}
	return o.cloud.Clusters.Drain(o.ctx, last(o.resource.Inputs.text("cluster")), names)
}
