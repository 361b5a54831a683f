package serving

import (
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/capacity"
)

// safeToEvict prevents GKE's cluster autoscaler from evicting a pod to remove its node
// (documentation, About cluster autoscaling: scheduling and disruption).
const safeToEvict = "cluster-autoscaler.kubernetes.io/safe-to-evict"

// inClass makes pods request nodes of a ComputeClass. If the name is empty, it changes
// nothing.
func inClass(class string, template *corev1.PodTemplateSpecArgs) *corev1.PodTemplateSpecArgs {
	if class == "" {
		return template
	}
	metadata, spec := template.Metadata.(*metav1.ObjectMetaArgs), template.Spec.(*corev1.PodSpecArgs)
	spec.NodeSelector.(pulumi.StringMap)[capacity.ClassLabel] = pulumi.String(class)
	spec.Tolerations = append(spec.Tolerations.(corev1.TolerationArray), &corev1.TolerationArgs{
		Key: pulumi.String(capacity.ClassLabel), Operator: pulumi.String("Equal"), Value: pulumi.String(class), Effect: pulumi.String("NoSchedule"),
	})
	annotations := pulumi.StringMap{safeToEvict: pulumi.String("false")}
	if others, ok := metadata.Annotations.(pulumi.StringMap); ok {
		maps.Copy(annotations, others)
	}
	metadata.Annotations = annotations
	return template
}
