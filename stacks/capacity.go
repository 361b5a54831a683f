package stacks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/computeclass"
	"sglang-tpu/infra/tpu"
	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/topology"
	"sglang-tpu/stacks/rollout"
)

// slicePrefix returns the prefix of the names of the slices' node pools, before a number.
func slicePrefix(cloud names.Cloud) string { return cloud.Base + "-slice-" }

// poolName returns the name of the node pool for a replica and an option of the capacity,
// both counted from 0. For the first option, the name ends with the replica's number, as it
// does without other options.
func (s *stack) poolName(replica, option int, c capacity.Capacity) string {
	name := slicePrefix(s.cloud) + strconv.Itoa(replica)
	if option > 0 {
		name += "-" + c.ID()
	}
	return name
}

// className returns the name of the ComputeClass; empty if there is only one option.
func (s *stack) className() string {
	if !s.Options().Fallback() {
		return ""
	}
	return s.cloud.Base
}

// slices creates a node pool for each replica and option, unless existing ones are used. If
// there are several options, the pools have no nodes until GKE's autoscaler chooses them.
func (s *stack) slices(p *platform) ([]pulumi.Resource, error) {
	if !s.MakesSlices() {
		return nil, nil
	}
	var created []pulumi.Resource
	for replica := range s.Replicas {
		for i, option := range s.Options() {
			name := fmt.Sprintf("slice-%d", replica)
			if i > 0 {
				name += "-" + option.Mode + "-" + option.ID()
			}
			slice, err := tpu.New(s.ctx, name, &tpu.Args{
				Name:    s.poolName(replica, i, option),
				Project: s.Project, Location: p.location, Region: s.Region, Zone: option.ZoneOf(replica),
				Cluster: p.gke.ID, Topology: s.Topology, Capacity: option, ComputeClass: s.className(),
				NodeServiceAccount: p.gke.NodeServiceAccount, NodeTag: p.nodeTag, Labels: s.Labels,
				NodeLabels: s.nodeLabels(),
			}, s.common)
			if err != nil {
				return nil, err
			}
			created = append(created, slice.Dependencies...)
		}
	}
	return created, nil
}

// computeClass creates the ComputeClass with the order of the options, if there are
// several. It returns what the pods wait for, including the slices.
func (s *stack) computeClass(slices []pulumi.Resource, opts pulumi.ResourceOption) ([]pulumi.Resource, error) {
	args := &computeclass.Args{Name: s.className()}
	if args.Name == "" || s.Replicas == 0 {
		return slices, nil
	}
	for i, option := range s.Options() {
		var pools []string
		for replica := range s.Replicas {
			pools = append(pools, s.poolName(replica, i, option))
		}
		args.Priorities = append(args.Priorities, pools)
	}
	class, err := computeclass.New(s.ctx, "capacity", args, opts, pulumi.DependsOn(slices))
	if err != nil {
		return nil, err
	}
	return append(slices, class.Dependencies...), nil
}

// capacityOutputs exports where replicas run, or may run, unless that is only gcp:zone.
func (s *stack) capacityOutputs() pulumi.Map {
	options := s.Options()
	if !options.Fallback() && slices.Equal(options[0].Zones, []string{s.Zone}) {
		return nil
	}
	var all pulumi.Array
	for i, option := range options {
		pools := pulumi.StringMap{}
		for replica := range s.Replicas {
			pools[s.poolName(replica, i, option)] = pulumi.String(option.ZoneOf(replica))
		}
		all = append(all, pulumi.Map{"capacity": pulumi.String(option.In(strings.Join(option.Zones, ", "))), "nodePools": pools})
	}
	return pulumi.Map{
		"capacity": all,
		"whereReplicasRunCommand": pulumi.String("kubectl get nodes -l " + topology.AcceleratorLabel + "=" + topology.Accelerator +
			" -L " + topology.NodePoolLabel + ",topology.kubernetes.io/zone"),
	}
}

// pools returns the node pools on which the pods may run; nil if there is only one option.
func (s *stack) pools() map[string]rollout.Pool {
	if !s.Options().Fallback() {
		return nil
	}
	pools := map[string]rollout.Pool{}
	for i, option := range s.Options() {
		for replica := range s.Replicas {
			zone := option.ZoneOf(replica)
			pools[s.poolName(replica, i, option)] = rollout.Pool{Capacity: option.In(zone), Zone: zone}
		}
	}
	return pools
}

// capacityNotes returns notes for a preview about what pulumi up may wait for.
func (s *stack) capacityNotes() []string {
	if s.Replicas == 0 || s.Layer == gke.Platform {
		return nil
	}
	options := s.Options()
	var notes []string
	if options.Fallback() {
		var order []string
		for _, option := range options {
			order = append(order, option.In(strings.Join(option.Zones, ", ")))
		}
		notes = append(notes, fmt.Sprintf("capacity options for each of %d slices of %d chips, in this order: %s; node pools have no nodes until GKE's autoscaler chooses them, "+
			"and running slices stay where they are", s.Replicas, s.Topology.Chips(), strings.Join(order, "; ")))
	}
	if options.Has(capacity.FlexStart) {
		notes = append(notes, fmt.Sprintf("capacity flex-start: Google queues %d x %d chips of tpu7x; until they are available, only the leaders exist, as Pending pods, "+
			"and pulumi up waits for the LeaderWorkerSet for up to %s (%s). To see the queue: kubectl describe pods -n %s",
			s.Replicas, s.Topology.Chips(), s.Ready, s.Key("readyMinutes"), s.spaces.Serving))
	}
	return notes
}
