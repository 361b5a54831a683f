package serving

import (
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	storagev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/storage/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/names"
	"sglang-tpu/spec/serverargs"
)

// storageClassArgs returns a class for Hyperdisk Balanced: pd-* disks cannot be attached to
// tpu7x, and premium-rwo, which the tutorial names, is pd-ssd.
func storageClassArgs(args *Args) *storagev1.StorageClassArgs {
	return &storagev1.StorageClassArgs{
		Metadata:             &metav1.ObjectMetaArgs{Name: pulumi.String(args.storageClassName()), Labels: labels(args, "")},
		Provisioner:          pulumi.String("pd.csi.storage.gke.io"),
		VolumeBindingMode:    pulumi.String("WaitForFirstConsumer"),
		ReclaimPolicy:        pulumi.String("Delete"),
		AllowVolumeExpansion: pulumi.Bool(true),
		Parameters: pulumi.StringMap{
			"type":                             pulumi.String("hyperdisk-balanced"),
			"provisioned-iops-on-create":       pulumi.String(strconv.Itoa(args.Storage.Disk.IOPS)),
			"provisioned-throughput-on-create": pulumi.String(strconv.Itoa(args.Storage.Disk.ThroughputMiB) + "Mi"),
			"use-allowed-disk-topology":        pulumi.String("true"),
		},
	}
}

// serviceArgs selects leaders only: workers answer health checks and nothing else.
func serviceArgs(args *Args) *corev1.ServiceArgs {
	metadata := meta(args, names.ServiceName)
	// If it were awaited, up would take ten seconds more after the pods are ready.
	metadata.Annotations = pulumi.StringMap{skipAwaitAnnotation: pulumi.String("true")}
	return &corev1.ServiceArgs{
		Metadata: metadata,
		Spec: &corev1.ServiceSpecArgs{
			Type: pulumi.String("ClusterIP"), // without an API key, the server's admin endpoints are open
			Ports: corev1.ServicePortArray{&corev1.ServicePortArgs{
				Name: pulumi.String("http"), Port: pulumi.Int(serverargs.Port), TargetPort: pulumi.String("http"),
			}},
			Selector: pulumi.ToStringMap(LeaderLabels(args.Name)),
		},
	}
}

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
