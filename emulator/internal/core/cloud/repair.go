package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// repairMinutes is how long auto-repair takes, including the time for which GKE waits for an
// unhealthy node to recover.
const repairMinutes = 10

// RepairNode makes a node's host fail. The node pool's auto-repair then recreates the node
// under the same name. The hosts of a multi-host slice fail and return together: "all
// instances in the slice must be recovered or rescheduled together" (Cloud TPU
// documentation, Recover from failures).
func (c *Cloud) RepairNode(ctx context.Context, name string) error {
	var pool *Resource
	var all, failing []string
	pools := c.ofKind(nodePoolKind)
	c.mu.Lock()
	for _, r := range pools {
		own := names(c.nodesOf(r))
		all = append(all, own...)
		if slices.Contains(own, name) {
			pool, failing = r, []string{name}
			if r.Inputs.text("placementPolicy.policyName") != "" {
				failing = own
			}
		}
	}
	c.mu.Unlock()
	if pool == nil {
		slices.Sort(all)
		return fmt.Errorf("there is no node %q; the nodes are: %s", name, strings.Join(slices.Compact(all), " "))
	}
	defer c.exclusive(pool)()
	if err := c.Clusters.FailNodes(ctx, last(pool.Inputs.text("cluster")), failing); err != nil {
		return err
	}
	if !pool.Inputs.truth("management.autoRepair") {
		return fmt.Errorf("failed and not repaired, because the node pool has no auto-repair: %s", strings.Join(failing, " "))
	}
	c.wait(ctx, repairMinutes)
	o := &operation{ctx: ctx, cloud: c, resource: pool}
	return o.setNodes(o.settle())
}
