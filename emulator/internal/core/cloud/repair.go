package cloud

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// repairMinutes is how long GKE waits before it repairs a node that does not report,
// and takes to do it.
const repairMinutes = 10

// RepairNode makes a node's host fail. Its node pool's auto-repair then makes a new node
// of the same name. The hosts of a multi-host slice go and come back together: "all
// instances in the slice must be recovered or rescheduled together" (Cloud TPU
// documentation, Recover from failures).
func (c *Cloud) RepairNode(ctx context.Context, name string) error {
	c.mu.Lock()
	var pool *Resource
	var all, failing []string
	for _, r := range c.resources {
		if r.Type != nodePoolKind || r.Creating || r.Broken != "" {
			continue
		}
		var own []string
		for _, n := range c.nodesOf(r) {
			own = append(own, n.Name)
		}
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
		sort.Strings(all)
		return fmt.Errorf("there is no node %q; there are: %s", name, strings.Join(slices.Compact(all), " "))
	}
	unlock := c.exclusive(pool)
	defer unlock()
	if err := c.Clusters.FailNodes(ctx, last(pool.Inputs.text("cluster")), failing); err != nil {
		return err
	}
	if !pool.Inputs.truth("management.autoRepair") {
		return fmt.Errorf("gone, and the node pool has no auto-repair: %s", strings.Join(failing, " "))
	}
	c.wait(ctx, repairMinutes)
	o := &operation{ctx: ctx, cloud: c, resource: pool}
	return o.setNodes(o.settle())
}
