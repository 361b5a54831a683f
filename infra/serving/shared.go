package serving

import (
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/topology"
)

// Slices select the nodes of a shared cluster on which an endpoint's pods may run. Without
// them, the pods could run on another endpoint's slice of the same topology, which is
// deleted with that endpoint.
type Slices struct {
	Labels map[string]string // of the nodes
	Pools  []string          // names of the node pools; empty: any
}

// nodeSelector returns the labels that GKE requires in TPU pods, and those of the slices.
func (s Slices) nodeSelector(t topology.Topology) pulumi.StringMap {
	selector := pulumi.StringMap{
		topology.AcceleratorLabel: pulumi.String(topology.Accelerator),
		topology.TopologyLabel:    pulumi.String(t.String()),
	}
	for label, value := range s.Labels {
		selector[label] = pulumi.String(value)
	}
	return selector
}

// affinity limits pods to the named node pools, which do not have this program's labels;
// nil if none are named.
func (s Slices) affinity() corev1.AffinityPtrInput {
	if len(s.Pools) == 0 {
		return nil
	}
	return &corev1.AffinityArgs{NodeAffinity: &corev1.NodeAffinityArgs{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelectorArgs{
			NodeSelectorTerms: corev1.NodeSelectorTermArray{&corev1.NodeSelectorTermArgs{
				MatchExpressions: corev1.NodeSelectorRequirementArray{&corev1.NodeSelectorRequirementArgs{
					Key: pulumi.String(topology.NodePoolLabel), Operator: pulumi.String("In"), Values: pulumi.ToStringArray(s.Pools),
				}},
			}},
		},
	}}
}

// quotaArgs returns a quota that limits the namespace to the chips of its slices.
func quotaArgs(args *Args) *corev1.ResourceQuotaArgs {
	chips := strconv.Itoa(args.Replicas * args.Topology.Chips())
	return &corev1.ResourceQuotaArgs{
		Metadata: meta(args, "slices"),
		Spec:     &corev1.ResourceQuotaSpecArgs{Hard: pulumi.StringMap{"requests." + topology.ResourceName: pulumi.String(chips)}},
	}
}

// storageClassName returns the name of the cluster-scoped storage class.
func (a *Args) storageClassName() string {
	if a.Shared {
		return storageClass + "-" + a.Namespace
	}
	return storageClass
}
