package lws

import (
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// definition returns a CustomResourceDefinition with one version, v1, and a short schema.
//
// The chart's own definitions are 1.3 MB each, most of which is the documentation of pod
// templates; with them, every preview would take several times as long. This schema has the
// controller's own fields with the types, defaults and enumerations of Version. It does not
// validate pod templates, because the API server validates the pods that are created from
// them.
type definition struct {
	group, kind, plural, singular, shortName string

	schema, subresources pulumi.Map
	columns              pulumi.Array
}

var definitions = []definition{
	{
		group: "leaderworkerset.x-k8s.io", kind: "LeaderWorkerSet",
		plural: "leaderworkersets", singular: "leaderworkerset", shortName: "lws",
		schema: object(pulumi.Map{
			"spec":   leaderWorkerSetSpec(),
			"status": leaderWorkerSetStatus(),
		}, "spec"),
		subresources: pulumi.Map{
			"status": pulumi.Map{},
			"scale": pulumi.Map{
				"specReplicasPath":   pulumi.String(".spec.replicas"),
				"statusReplicasPath": pulumi.String(".status.replicas"),
				"labelSelectorPath":  pulumi.String(".status.hpaPodSelector"),
			},
		},
		columns: pulumi.Array{
			column("Ready", "integer", ".status.readyReplicas"),
			column("Desired", "integer", ".spec.replicas"),
			column("Up-to-date", "integer", ".status.updatedReplicas"),
			column("Age", "date", ".metadata.creationTimestamp"),
		},
	},
	{
		// The program creates no such object, but the controller requires the definition:
		// without it, it exits two minutes after its start because it cannot list them.
		group: "disaggregatedset.x-k8s.io", kind: "DisaggregatedSet",
		plural: "disaggregatedsets", singular: "disaggregatedset",
		schema:       object(pulumi.Map{"spec": anyObject(), "status": anyObject()}, "spec"),
		subresources: pulumi.Map{"status": pulumi.Map{}},
		columns:      pulumi.Array{column("Age", "date", ".metadata.creationTimestamp")},
	},
}

// args returns the definition as a resource that is awaited until the API server serves it.
func (d definition) args() *apiextensions.CustomResourceArgs {
	names := pulumi.Map{
		"kind":     pulumi.String(d.kind),
		"listKind": pulumi.String(d.kind + "List"),
		"plural":   pulumi.String(d.plural),
		"singular": pulumi.String(d.singular),
	}
	if d.shortName != "" {
		names["shortNames"] = pulumi.Array{pulumi.String(d.shortName)}
	}
	return &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("apiextensions.k8s.io/v1"),
		Kind:       pulumi.String("CustomResourceDefinition"),
		Metadata: &metav1.ObjectMetaArgs{
			Name:        pulumi.String(d.plural + "." + d.group),
			Annotations: pulumi.StringMap{"pulumi.com/waitFor": pulumi.String("condition=Established")},
		},
		OtherFields: kubernetes.UntypedArgs{"spec": pulumi.Map{
			"group": pulumi.String(d.group),
			"names": names,
			"scope": pulumi.String("Namespaced"),
			"versions": pulumi.Array{pulumi.Map{
				"name":                     pulumi.String("v1"),
				"served":                   pulumi.Bool(true),
				"storage":                  pulumi.Bool(true),
				"schema":                   pulumi.Map{"openAPIV3Schema": d.schema},
				"subresources":             d.subresources,
				"additionalPrinterColumns": d.columns,
			}},
		}},
	}
}

func column(name, typ, path string) pulumi.Map {
	return pulumi.Map{"name": pulumi.String(name), "type": pulumi.String(typ), "jsonPath": pulumi.String(path)}
}
