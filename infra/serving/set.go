package serving

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/topology"
)

const (
	exclusiveTopology = "leaderworkerset.sigs.k8s.io/exclusive-topology"
	setNameLabel      = "leaderworkerset.sigs.k8s.io/name"
	workerIndexLabel  = "leaderworkerset.sigs.k8s.io/worker-index"

	waitForAnnotation   = "pulumi.com/waitFor"
	skipAwaitAnnotation = "pulumi.com/skipAwait"
	// replaceUnreadyAnnotation makes the next pulumi up replace a Job that failed. Without
	// it the provider waits for the one that has failed, and says the same again.
	replaceUnreadyAnnotation = "pulumi.com/replaceUnready"
)

// fixedAtCreation is what the controller takes note of only when it makes the
// StatefulSets. A pod's ephemeral volumes are not among it: each new pod makes its own.
var fixedAtCreation = []string{
	fmt.Sprintf("metadata.annotations[%q]", exclusiveTopology),
	"spec.leaderWorkerTemplate.volumeClaimTemplates",
}

func setArgs(args *Args) *apiextensions.CustomResourceArgs {
	metadata := meta(args, args.Name)
	metadata.Annotations = pulumi.StringMap{
		// One group per node pool, which is one slice: ranks on two slices cannot meet.
		exclusiveTopology: pulumi.String(topology.NodePoolLabel),
		waitForAnnotation: pulumi.String(waitFor(args.Replicas)),
	}
	return &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("leaderworkerset.x-k8s.io/v1"),
		Kind:       pulumi.String("LeaderWorkerSet"),
		Metadata:   metadata,
		OtherFields: kubernetes.UntypedArgs{"spec": pulumi.Map{
			"replicas": pulumi.Int(args.Replicas),
			// LeaderReady would never end: the leader is ready only once its workers joined.
			"startupPolicy": pulumi.String("LeaderCreated"),
			// No surge: it would need a slice that nobody has.
			"rolloutStrategy": pulumi.Map{
				"type": pulumi.String("RollingUpdate"),
				"rollingUpdateConfiguration": pulumi.Map{
					"maxUnavailable": pulumi.Int(1),
					"maxSurge":       pulumi.Int(0),
				},
			},
			"leaderWorkerTemplate": pulumi.Map{
				"size": pulumi.Int(args.Topology.Hosts()),
				// A rank that comes back alone cannot join the others.
				"restartPolicy":  pulumi.String("RecreateGroupOnPodRestart"),
				"leaderTemplate": podTemplate(args, leader),
				"workerTemplate": podTemplate(args, worker),
			},
		}},
	}
}

// waitFor is when a LeaderWorkerSet counts as created or updated: all groups are of the
// current template, and ready. The counts leave zero out, so without groups it is the
// condition that tells.
func waitFor(replicas int) string {
	if replicas == 0 {
		return "condition=Available"
	}
	return fmt.Sprintf(`["jsonpath={.status.updatedReplicas}=%d","jsonpath={.status.readyReplicas}=%d"]`, replicas, replicas)
}
