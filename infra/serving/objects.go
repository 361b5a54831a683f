package serving

import (
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
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
