package cloud

import (
	"errors"
	"slices"
	"strings"
)

// recreating lists the properties whose change makes GKE recreate a pool's nodes. Others, such
// as labels, taints and tags, change on the existing nodes.
// https://cloud.google.com/kubernetes-engine/docs/concepts/managing-clusters lists both.
var recreating = []string{
	"version", "networkConfig.enablePrivateNodes", "networkConfig.networkPerformanceConfig",
	"nodeConfig.machineType", "nodeConfig.diskType", "nodeConfig.diskSizeGb", "nodeConfig.bootDisk", "nodeConfig.storagePools",
	"nodeConfig.imageType", "nodeConfig.gcfsConfig", "nodeConfig.gvnic", "nodeConfig.fastSocket", "nodeConfig.loggingVariant",
	"nodeConfig.containerdConfig", "nodeConfig.confidentialNodes", "nodeConfig.linuxNodeConfig", "nodeConfig.windowsNodeConfig",
	"nodeConfig.kubeletConfig", "nodeConfig.workloadMetadataConfig",
}

func recreatesNodes(before, now Values) bool {
	return slices.ContainsFunc(recreating, func(path string) bool { return !same(before.at(path), now.at(path)) })
}

// roll recreates a pool's nodes one by one. With a surge, each new node comes before the old
// one goes. The nodes of a slice are recreated together
// (https://cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus).
func (o *operation) roll() error {
	r := o.resource
	if r.Inputs.truth("nodeConfig.flexStart") {
		// Short-lived upgrades: existing nodes stay unchanged until they are removed.
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
	surge := 1 // GKE's default
	if o.before.at("upgradeSettings.maxSurge") != nil {
		surge = o.before.number("upgradeSettings.maxSurge")
	}
	for i := range old {
		created, next := all[:min(i, len(all))], all[:min(i+1, len(all))]
		replaced := old[i : i+1]
		var err error
		if surge > 0 {
			if err = o.setNodes(slices.Concat(old[i:], next)); err == nil {
				err = o.drain(replaced)
			}
		} else {
			if err = o.drain(replaced); err == nil {
				err = o.setNodes(slices.Concat(old[i+1:], created))
			}
		}
		if err != nil {
			return err
		}
		if err := o.setNodes(slices.Concat(old[i+1:], next)); err != nil {
			return err
		}
	}
	return o.setNodes(all)
}

// drain evicts the pods of nodes that are about to be removed.
func (o *operation) drain(nodes []Node) error {
	return o.cloud.Clusters.Drain(o.ctx, last(o.resource.Inputs.text("cluster")), names(nodes))
}
