package serving

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/names"
	"sglang-tpu/spec/topology"
)

const (
	exclusiveTopology = "leaderworkerset.sigs.k8s.io/exclusive-topology"

	// TemplateLabel is on every pod of the set: a hash of the pod templates that it was made
	// from. It tells pods of a new template from those that it replaces.
	TemplateLabel = "sglang-tpu/pod-template"

	skipAwaitAnnotation = "pulumi.com/skipAwait"
	// replaceUnreadyAnnotation makes the next pulumi up replace a Job that failed. Without
	// it the provider waits for the one that has failed, and says the same again.
	replaceUnreadyAnnotation = "pulumi.com/replaceUnready"
)

// fixedAtCreation are the fields that the controller reads only when it creates the
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
	}
	leaders, workers := podTemplates(args)
	return &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("leaderworkerset.x-k8s.io/v1"),
		Kind:       pulumi.String("LeaderWorkerSet"),
		Metadata:   metadata,
		OtherFields: kubernetes.UntypedArgs{"spec": pulumi.Map{
			"replicas": pulumi.Int(args.Replicas),
			// LeaderReady would never end: the leader is ready only once its workers joined.
			"startupPolicy": pulumi.String("LeaderCreated"),
			// No surge: it would need a spare slice.
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
				"leaderTemplate": leaders,
				"workerTemplate": workers,
			},
		}},
	}
}

// podTemplates are those of leader and workers, with the hash of both as a label.
func podTemplates(args *Args) (leaders, workers *corev1.PodTemplateSpecArgs) {
	leaders = inClass(args.ComputeClass, podTemplate(args, leader))
	workers = inClass(args.ComputeClass, podTemplate(args, worker))
	hash := templateHash(leaders, workers)
	for _, t := range []*corev1.PodTemplateSpecArgs{leaders, workers} {
		t.Metadata.(*metav1.ObjectMetaArgs).Labels.(pulumi.StringMap)[TemplateLabel] = pulumi.String(hash)
	}
	return leaders, workers
}

// templateHash is of the fields that are set, so that a new SDK with more fields does not
// change it, and with it every pod. Nothing in a template is known only later.
func templateHash(templates ...*corev1.PodTemplateSpecArgs) string {
	// Plain values are encoded and decoded without errors.
	text, _ := json.Marshal(templates)
	var fields any
	_ = json.Unmarshal(text, &fields)
	text, _ = json.Marshal(withoutNulls(fields))
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:10]
}

func withoutNulls(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, field := range v {
			if field == nil {
				delete(v, key)
			} else {
				v[key] = withoutNulls(field)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return value
}

// PodSelector is the label selector of all pods of a LeaderWorkerSet, whatever their template.
func PodSelector(set string) string { return names.SetLabel + "=" + set }

// LeaderLabels are on the leader's pod of each group of a LeaderWorkerSet.
func LeaderLabels(set string) map[string]string {
	return map[string]string{names.SetLabel: set, names.WorkerLabel: "0"}
}
