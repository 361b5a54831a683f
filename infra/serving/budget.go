package serving

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/names"
)

// budgetArgs returns the PodDisruptionBudget that lets the nodes of only one group be
// drained at a time; nil with fewer than two groups.
//
// GKE upgrades node pools one after the other. It continues with the next pool as soon as
// the nodes of one are ready, long before the group on them has loaded and compiled. The
// budget delays the next drain, for at most an hour (GKE documentation, Node upgrade
// strategies). With one group, a budget would only delay each upgrade by that hour, because
// the first eviction ends the group.
//
// It is an absolute number: the pods of all groups except one. With maxUnavailable,
// Kubernetes would compute the number of pods from their StatefulSets, but a group that waits
// for a node has only the leader's. Pods that are not ready may always be evicted, so the
// budget does not prevent GKE from repairing a broken slice.
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
