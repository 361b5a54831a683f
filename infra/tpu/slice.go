// Package tpu creates TPU slices.
package tpu

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/compute"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
	"sglang-tpu/infra/nodes"
	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/topology"
)

// bootDiskGB is a usual size; Hyperdisk Balanced is the only boot disk of tpu7x.
const (
	bootDiskGB   = 200
	bootDiskType = "hyperdisk-balanced"
)

// initError is the property by which Pulumi's engine shows that the last create or update
// failed (resource/deploy/step_generator.go). The provider's bridge reports this after each
// update that fails (pkg/tfbridge/provider.go); a refresh clears it.
const initError = "#initerror"

// Args describes one slice.
type Args struct {
	Name     string // of the node pool; the workload policy is named after it and the topology
	Project  string
	Location string // of the cluster
	Region   string // of the workload policy
	Zone     string // where the chips are
	Cluster  pulumi.StringInput

	Topology topology.Topology
	Capacity capacity.Capacity
	// ComputeClass is the name of the ComputeClass of the pool. With it, GKE's autoscaler
	// creates the nodes when a pod requests them, and removes them when no pod has needed them
	// for ten minutes. Empty: the pool has its nodes from the beginning, except with
	// flex-start.
	ComputeClass string

	NodeServiceAccount pulumi.StringInput // email
	NodeTag            string
	Labels             map[string]string
	// NodeLabels are Kubernetes labels of the slice's nodes, in addition to GKE's.
	NodeLabels map[string]string
}

// Slice is one TPU slice: a node pool whose nodes GKE creates and deletes together. For
// several hosts, it includes the workload policy, which makes Compute Engine connect the
// hosts.
//
// The placement policy's type is empty on purpose. GKE rejects COMPACT ("Creation of a
// managed instance group with tpu7x-standard-4t machine type with placement policy is
// not supported. Use workload policy instead.") and stores no type with a workload
// policy. The provider neither replaces a pool because of the policy's type or topology nor
// updates these, so any other value would be a change in every preview.
//
// A change of the policy, the capacity mode or the nodes' account replaces the node pool.
// Machine type, boot disk and image are updated in place: GKE recreates the nodes without a
// spare, and the group on them ends as if the slice had been replaced.
type Slice struct{ component.Base }

// New registers the component.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Slice, error) {
	s := &Slice{}
	if err := s.Register(ctx, "sglang-tpu:infra:Slice", name, opts...); err != nil {
		return nil, err
	}
	inside := pulumi.Parent(s)

	pool := &container.NodePoolArgs{
		Project:  pulumi.String(args.Project),
		Name:     pulumi.String(args.Name),
		Cluster:  args.Cluster,
		Location: pulumi.String(args.Location),
		// The node count is per zone, so a second zone would double the number of nodes.
		NodeLocations: pulumi.StringArray{pulumi.String(args.Zone)},
		Management: container.NodePoolManagementArgs{
			AutoRepair:  pulumi.Bool(args.Capacity.Mode != capacity.FlexStart), // which does not allow it
			AutoUpgrade: pulumi.Bool(true),
		},
		// A surge node would need a second slice.
		UpgradeSettings: container.NodePoolUpgradeSettingsArgs{MaxSurge: pulumi.Int(0), MaxUnavailable: pulumi.Int(1)},
	}
	node := nodeConfig(args)
	applyCapacity(args.Capacity, node)
	setSize(args, pool)
	pool.NodeConfig = node

	if args.Topology.MultiHost() {
		// A policy has a fixed topology, and replacing it by one with another topology
		// under the same name would break the pool, so the name contains the topology.
		policy, err := compute.NewResourcePolicy(ctx, name+"-policy", &compute.ResourcePolicyArgs{
			Project: pulumi.String(args.Project),
			Name:    pulumi.String(args.Name + "-" + args.Topology.String()),
			Region:  pulumi.String(args.Region),
			WorkloadPolicy: compute.ResourcePolicyWorkloadPolicyArgs{
				Type:                pulumi.String("HIGH_THROUGHPUT"),
				AcceleratorTopology: pulumi.String(args.Topology.String()),
			},
		}, inside, pulumi.DeleteBeforeReplace(true),
			// The provider would treat a new name as an update, of a policy that does not
			// exist.
			pulumi.ReplaceOnChanges([]string{"name"}))
		if err != nil {
			return nil, err
		}
		pool.PlacementPolicy = container.NodePoolPlacementPolicyArgs{
			PolicyName:  policy.Name,
			TpuTopology: pulumi.String(args.Topology.String()),
			Type:        pulumi.String(""),
		}
	}

	nodePool, err := container.NewNodePool(ctx, name, pool, inside,
		// GKE adds these, and the first one would force a replacement: GKE turns
		// simultaneous multithreading off on TPU hosts.
		pulumi.IgnoreChanges([]string{
			"nodeConfig.advancedMachineFeatures", "nodeConfig.guestAccelerators",
			"nodeConfig.kubeletConfig", "initialNodeCount",
		}),
		// Creating the new slice first would need twice the chips.
		pulumi.DeleteBeforeReplace(true),
		// If there were no chips for a pool, it is in the state, with status ERROR and
		// without nodes, and an update without a difference would not change that. The
		// engine cannot distinguish this from a failed update: docs/troubleshooting.md says
		// to refresh after one.
		pulumi.ReplaceOnChanges([]string{initError}),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "90m", Update: "90m", Delete: "60m"}))
	if err != nil {
		return nil, err
	}
	s.Dependencies = []pulumi.Resource{nodePool}
	return s, s.RegisterOutputs(ctx, pulumi.Map{"nodePool": nodePool.Name})
}

func nodeConfig(args *Args) *container.NodePoolNodeConfigArgs {
	node := nodes.Config(nodes.Args{ServiceAccount: args.NodeServiceAccount, Tag: args.NodeTag, Labels: args.Labels})
	node.MachineType = pulumi.String(args.Topology.MachineType())
	node.DiskType = pulumi.String(bootDiskType)
	node.DiskSizeGb = pulumi.Int(bootDiskGB)
	// With the kernel's default limit of memory maps, loading large models fails.
	node.LinuxNodeConfig = container.NodePoolNodeConfigLinuxNodeConfigArgs{
		Sysctls: pulumi.StringMap{"vm.max_map_count": pulumi.String("8388608")},
	}
	labels := pulumi.ToStringMap(args.NodeLabels)
	taints := container.NodePoolNodeConfigTaintArray{taint(topology.ResourceName, "present")}
	if args.ComputeClass != "" {
		// GKE's autoscaler uses a pool of a ComputeClass only with this label and this taint
		// (documentation, About custom ComputeClasses: configure manually-created node pools).
		// Both can be changed on running nodes.
		labels[capacity.ClassLabel] = pulumi.String(args.ComputeClass)
		taints = append(taints, taint(capacity.ClassLabel, args.ComputeClass))
	}
	if len(labels) > 0 {
		node.Labels = labels
	}
	node.Taints = taints
	return node
}

func taint(key, value string) container.NodePoolNodeConfigTaintArgs {
	return container.NodePoolNodeConfigTaintArgs{Key: pulumi.String(key), Value: pulumi.String(value), Effect: pulumi.String("NO_SCHEDULE")}
}
