package serving

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/names"
)

// budgetArgs is the PodDisruptionBudget by which nodes of at most one group are drained at a
// time; nil with fewer than two groups.
//
// GKE upgrades node pools one after the other. It goes on with the next as soon as the nodes
// of one are ready, long before the group on them has loaded and compiled. The budget holds
// the next drain up, for an hour at most (GKE documentation, Node upgrade strategies). With
// one group, any budget would only delay each upgrade by that hour: the first eviction ends
// the group.
//
// It is a number of pods, of all groups but one: with maxUnavailable, Kubernetes would take
// the number of pods from their StatefulSets, of which a group that waits for a node has only
// the leader's. Pods that are not ready may always be evicted, so no budget keeps GKE from
// the repair of a broken slice.
func budgetArgs(args *Args) *policyv1.PodDisruptionBudgetArgs {
	if args.Replicas < 2 {
		return nil
	}
	return &policyv1.PodDisruptionBudgetArgs{
		Metadata: meta(args, args.Name),
		Spec: &policyv1.PodDisruptionBudgetSpecArgs{
			MinAvailable:               pulumi.Int((args.Replicas - 1) * args.Topology.Hosts()),
			UnhealthyPodEvictionPolicy: pulumi.String("AlwaysAllow"),
			Selector: &metav1.LabelSelectorArgs{
				MatchLabels: pulumi.StringMap{names.SetLabel: pulumi.String(args.Name)},
			},
		},
	}
}
