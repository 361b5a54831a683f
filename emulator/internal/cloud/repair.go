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

// RepairNode makes a node's host fail. Its node pool's auto-repair then makes a new
// node of the same name.
func (c *Cloud) RepairNode(ctx context.Context, name string) error {
	c.mu.Lock()
	var pool *Resource
	var all []string
	for _, r := range c.resources {
		if r.Type != nodePoolKind || r.Making || r.Broken != "" {
			continue
		}
		for _, n := range c.nodesOf(r) {
			all = append(all, n.Name)
			if n.Name == name {
				pool = r
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
	if err := c.clusters.FailNode(ctx, last(pool.Inputs.text("cluster")), name); err != nil {
		return err
	}
	if !pool.Inputs.truth("management.autoRepair") {
		return fmt.Errorf("node %s is gone; its node pool has no auto-repair", name)
	}
	c.wait(ctx, repairMinutes)
	o := &operation{ctx: ctx, cloud: c, resource: pool}
	return o.setNodes(o.settle())
}
