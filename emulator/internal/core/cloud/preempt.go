package cloud

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// podsOfNotice is the longest grace period of pods on a preempted node. Compute Engine gives a
// spot VM 30 s notice, and GKE's kubelets reserve the last 15 s for system pods
// (documentation, Spot VMs in GKE: termination and graceful shutdown). It is not scaled,
// because the requests that run here take real time.
const podsOfNotice = 15 * time.Second

// Preemption says which slice is preempted.
type Preemption struct {
	Slice   string  // name of its node pool or a suffix of that, such as slice-0
	Minutes float64 // Google's time until there is capacity again
}

// Preempt reclaims a spot slice: all of its hosts get the notice at the same time and shut
// down. Once there is capacity again, GKE recreates the nodes under the same names.
func (c *Cloud) Preempt(ctx context.Context, p Preemption) error {
	pool, err := c.sliceNamed(p.Slice)
	if err != nil {
		return err
	}
	if !pool.Inputs.truth("nodeConfig.spot") {
		return fmt.Errorf("%s does not use spot capacity, so it cannot be preempted", pool.Inputs.text("name"))
	}
	defer c.exclusive(pool)()
	c.mu.Lock()
	nodes := names(c.nodesOf(pool))
	c.mu.Unlock()
	if err := c.Clusters.ShutDownNodes(ctx, last(pool.Inputs.text("cluster")), nodes, podsOfNotice); err != nil {
		return err
	}
	c.wait(ctx, p.Minutes)
	o := &operation{ctx: ctx, cloud: c, resource: pool}
	return o.setNodes(o.settle())
}

func (c *Cloud) sliceNamed(name string) (*Resource, error) {
	var all []string
	var found []*Resource
	for _, r := range c.ofKind(nodePoolKind) {
		if !tpuMachine.MatchString(r.Inputs.text("nodeConfig.machineType")) {
			continue
		}
		all = append(all, r.Inputs.text("name"))
		if strings.HasSuffix(r.Inputs.text("name"), name) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%q matches %d slices, not one; the slices are: %s", name, len(found), strings.Join(all, " "))
	}
	return found[0], nil
}
