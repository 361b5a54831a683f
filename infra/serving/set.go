package serving

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"

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

	// TemplateLabel is a label of every pod of the set, with a hash of its pod templates. It
	// distinguishes pods with the new template from those with the old one.
	TemplateLabel = "sglang-tpu/pod-template"

	skipAwaitAnnotation = "pulumi.com/skipAwait"
	// replaceUnreadyAnnotation makes the next pulumi up replace a Job that failed. Without
	// it, the provider would wait for the failed Job and report the same error again.
	replaceUnreadyAnnotation = "pulumi.com/replaceUnready"
)

// fixedAtCreation are the fields that the controller reads only when it creates the
// StatefulSets. A pod's ephemeral volumes are not among them, because each new pod creates
// its own.
var fixedAtCreation = []string{
	fmt.Sprintf("metadata.annotations[%q]", exclusiveTopology),
	"spec.leaderWorkerTemplate.volumeClaimTemplates",
}

func setArgs(args *Args) *apiextensions.CustomResourceArgs {
	metadata := meta(args, args.Name)
	metadata.Annotations = pulumi.StringMap{
		// One group per node pool, which is one slice: ranks on different slices cannot
		// communicate.
		exclusiveTopology: pulumi.String(topology.NodePoolLabel),
	}
	leaders, workers := podTemplates(args)
	return &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("leaderworkerset.x-k8s.io/v1"),
		Kind:       pulumi.String("LeaderWorkerSet"),
		Metadata:   metadata,
		OtherFields: kubernetes.UntypedArgs{"spec": pulumi.Map{
			"replicas": pulumi.Int(args.Replicas),
			// With LeaderReady, workers would never start: the leader is ready only after
			// its workers have joined.
			"startupPolicy": pulumi.String("LeaderCreated"),
			// No surge, because that would need a spare slice.
			"rolloutStrategy": pulumi.Map{
				"type": pulumi.String("RollingUpdate"),
				"rollingUpdateConfiguration": pulumi.Map{
					"maxUnavailable": pulumi.Int(1),
					"maxSurge":       pulumi.Int(0),
				},
			},
			"leaderWorkerTemplate": pulumi.Map{
				"size": pulumi.Int(args.Topology.Hosts()),
				// A single rank that restarts cannot rejoin the others.
				"restartPolicy":  pulumi.String("RecreateGroupOnPodRestart"),
				"leaderTemplate": leaders,
				"workerTemplate": workers,
			},
		}},
	}
}

// podTemplates returns the templates of leader and workers, with a hash of both as a label.
func podTemplates(args *Args) (leaders, workers *corev1.PodTemplateSpecArgs) {
	leaders, workers = podTemplate(args, leader), podTemplate(args, worker)
	hash := templateHash(leaders, workers)
	for _, t := range []*corev1.PodTemplateSpecArgs{leaders, workers} {
		t.Metadata.(*metav1.ObjectMetaArgs).Labels.(pulumi.StringMap)[TemplateLabel] = pulumi.String(hash)
	}
	return leaders, workers
}

// templateHash returns a hash of the fields that are set, so that a new SDK with more
// fields does not change the hash, and with it every pod. All values of a template are
// known in advance.
func templateHash(templates ...*corev1.PodTemplateSpecArgs) string {
	// Encoding and decoding plain values cannot fail.
	text, _ := json.Marshal(templates)
	var fields any
	_ = json.Unmarshal(text, &fields)
	removeNulls(fields)
	text, _ = json.Marshal(fields)
	return fmt.Sprintf("%x", sha256.Sum256(text))[:10]
}

func removeNulls(value any) {
	switch v := value.(type) {
	case map[string]any:
		maps.DeleteFunc(v, func(_ string, field any) bool { return field == nil })
		for _, field := range v {
			removeNulls(field)
		}
	case []any:
		for _, element := range v {
			removeNulls(element)
		}
	}
}

// LeaderLabels returns the labels of the leaders' pods of a LeaderWorkerSet.
func LeaderLabels(set string) map[string]string {
	return map[string]string{names.SetLabel: set, names.WorkerLabel: "0"}
}
