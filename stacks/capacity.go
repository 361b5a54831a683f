package stacks

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/computeclass"
	"sglang-tpu/infra/tpu"
	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/settings"
	"sglang-tpu/spec/topology"
	"sglang-tpu/stacks/rollout"
)

// slicePrefix is what the names of the slices' node pools begin with; a number follows.
func slicePrefix(cloud names.Cloud) string { return cloud.Base + "-slice-" }

// poolName is the name of the node pool of a replica's slice from an option of the capacity,
// both counted from 0. That of the first option has no more than the replica's number, as it
// has where there are no others.
func poolName(cloud names.Cloud, replica, option int, c capacity.Capacity) string {
	name := slicePrefix(cloud) + strconv.Itoa(replica)
	if option > 0 {
		name += "-" + c.ID()
	}
	return name
}

// computeClass is the name of the ComputeClass; empty if there is but one option.
func computeClass(c *settings.Config, cloud names.Cloud) string {
	if !c.Options().Fallback() {
		return ""
	}
	return cloud.Base
}

// newSlices makes a node pool for each replica and option. Those of options beside one another
// have no nodes until GKE's autoscaler takes them.
func newSlices(ctx *pulumi.Context, c *settings.Config, cloud names.Cloud, gke *cluster.Cluster, opts pulumi.ResourceOption) ([]pulumi.Resource, error) {
	var slices []pulumi.Resource
	for replica := range c.Replicas {
		for i, option := range c.Options() {
			name := fmt.Sprintf("slice-%d", replica)
			if i > 0 {
				name += "-" + option.Mode + "-" + option.ID()
			}
			slice, err := tpu.New(ctx, name, &tpu.Args{
				Name:    poolName(cloud, replica, i, option),
				Project: c.Project, Location: c.Region, Region: c.Region, Zone: option.ZoneOf(replica),
				Cluster: gke.ID, Topology: c.Topology, Capacity: option, ComputeClass: computeClass(c, cloud),
				NodeServiceAccount: gke.NodeServiceAccount, NodeTag: cloud.NodeTag, Labels: c.Labels,
			}, opts)
			if err != nil {
				return nil, err
			}
			slices = append(slices, slice.Dependencies...)
		}
	}
	return slices, nil
}

// newComputeClass makes the order of the options, if there are several. It returns the name of
// the ComputeClass and what the pods wait for, the slices with it.
func newComputeClass(ctx *pulumi.Context, c *settings.Config, cloud names.Cloud, slices []pulumi.Resource, opts pulumi.ResourceOption) (string, []pulumi.Resource, error) {
	name := computeClass(c, cloud)
	if name == "" || c.Replicas == 0 {
		return name, slices, nil
	}
	args := &computeclass.Args{Name: name}
	for i, option := range c.Options() {
		var pools []string
		for replica := range c.Replicas {
			pools = append(pools, poolName(cloud, replica, i, option))
		}
		args.Priorities = append(args.Priorities, pools)
	}
	class, err := computeclass.New(ctx, "capacity", args, opts, pulumi.DependsOn(slices))
	if err != nil {
		return "", nil, err
	}
	return name, append(slices, class.Dependencies...), nil
}

// capacityOutputs say where replicas run, or may run, if that is not gcp:zone alone.
func capacityOutputs(c *settings.Config, cloud names.Cloud) pulumi.Map {
	options := c.Options()
	if !options.Fallback() && len(c.Capacity.Zones) == 1 && c.Capacity.Zones[0] == c.Zone {
		return nil
	}
	var all pulumi.Array
	for i, option := range options {
		pools := pulumi.StringMap{}
		for replica := range c.Replicas {
			pools[poolName(cloud, replica, i, option)] = pulumi.String(option.ZoneOf(replica))
		}
		all = append(all, pulumi.Map{"capacity": pulumi.String(option.In(strings.Join(option.Zones, ", "))), "nodePools": pools})
	}
	return pulumi.Map{
		"capacity": all,
		"whereReplicasRunCommand": pulumi.String("kubectl get nodes -l " + topology.AcceleratorLabel + "=" + topology.Accelerator +
			" -L " + topology.NodePoolLabel + ",topology.kubernetes.io/zone"),
	}
}

// expectOn adds to what an up waits for which node pools the pods may get.
func (e *Endpoint) expectOn(c *settings.Config, cloud names.Cloud) {
	if !c.Options().Fallback() {
		return
	}
	e.goal.Pools = map[string]rollout.Pool{}
	for i, option := range c.Options() {
		for replica := range c.Replicas {
			zone := option.ZoneOf(replica)
			e.goal.Pools[poolName(cloud, replica, i, option)] = rollout.Pool{Capacity: option.In(zone), Zone: zone}
		}
	}
}

// capacityNotes say in a preview what up may wait for.
func capacityNotes(c *settings.Config) []string {
	if c.Replicas == 0 {
		return nil
	}
	options := c.Options()
	var notes []string
	if options.Fallback() {
		var order []string
		for _, option := range options {
			order = append(order, option.In(strings.Join(option.Zones, ", ")))
		}
		notes = append(notes, fmt.Sprintf("capacity, in this order for each of %d slices of %d chips: %s; node pools have no nodes until GKE's autoscaler takes them, "+
			"and slices that work stay where they are", c.Replicas, c.Topology.Chips(), strings.Join(order, "; ")))
	}
	if options.Has(capacity.FlexStart) {
		notes = append(notes, fmt.Sprintf("capacity flex-start: Google queues %d x %d chips of tpu7x; until they are there only the leaders exist, Pending, "+
			"and pulumi up waits for the LeaderWorkerSet for up to %s (%s). To see the queue: kubectl describe pods -n %s",
			c.Replicas, c.Topology.Chips(), c.Ready, c.Key("readyMinutes"), servingNamespace))
	}
	return notes
}
