package cloud

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"
)

// Compute Engine tells a spot VM to stop 30 s before it takes it back. GKE's kubelets keep
// the last 15 s of them for pods of the system; pods' own longer grace periods are cut
// (documentation, Spot VMs in GKE: termination and graceful shutdown). Real seconds: requests
// that run here are real, too.
const podsOfNotice = 15 * time.Second

// Preempt takes a spot slice back: all of its hosts get the notice at the same time, and stop.
// After minutes Google has the chips again, and GKE makes the nodes anew under their names.
// name is the node pool's, or what it ends with, such as slice-0.
func (c *Cloud) Preempt(ctx context.Context, name string, minutes float64) error {
	pool, err := c.sliceNamed(name)
	if err != nil {
		return err
	}
	if !pool.Inputs.truth("nodeConfig.spot") {
		return fmt.Errorf("%s has no spot capacity, and only that is taken back here", pool.Inputs.text("name"))
	}
	unlock := c.exclusive(pool)
	defer unlock()
	c.mu.Lock()
	var nodes []string
	for _, n := range c.nodesOf(pool) {
		nodes = append(nodes, n.Name)
	}
	c.mu.Unlock()
	if err := c.Clusters.ShutDownNodes(ctx, last(pool.Inputs.text("cluster")), nodes, podsOfNotice); err != nil {
		return err
	}
	c.wait(ctx, minutes)
	o := &operation{ctx: ctx, cloud: c, resource: pool}
	return o.setNodes(o.settle())
}

func (c *Cloud) sliceNamed(name string) (*Resource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all, found []string
	var pool *Resource
	for _, r := range c.resources {
		if r.Type != nodePoolKind || r.Creating || r.Broken != "" || !tpuMachine.MatchString(r.Inputs.text("nodeConfig.machineType")) {
			continue
		}
		all = append(all, r.Inputs.text("name"))
		if strings.HasSuffix(r.Inputs.text("name"), name) {
			found, pool = append(found, r.Inputs.text("name")), r
		}
	}
	sort.Strings(all)
	if len(found) != 1 {
		return nil, fmt.Errorf("%q is no slice, or more than one; there are: %s", name, strings.Join(all, " "))
	}
	return pool, nil
}
