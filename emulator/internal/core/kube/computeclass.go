package kube

import (
	"context"
	"encoding/json"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
)

// computeClasses is the CustomResourceDefinition that GKE installs in every cluster, reduced to
// the fields that this program uses. Source: the reference of the ComputeClass CRD in GKE's
// documentation.
const computeClasses = `{
	"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
	"metadata": {"name": "computeclasses.cloud.google.com", "annotations": {"api-approved.kubernetes.io": "unapproved, google"}},
	"spec": {
		"group": "cloud.google.com", "scope": "Cluster",
		"names": {"kind": "ComputeClass", "listKind": "ComputeClassList", "plural": "computeclasses", "singular": "computeclass"},
		"versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
			"type": "object", "required": ["spec"], "properties": {"spec": {
				"type": "object", "required": ["priorities"], "properties": {
					"description": {"type": "string"},
					"priorities": {"type": "array", "minItems": 1, "items": {
						"type": "object", "required": ["nodepools"],
						"properties": {"nodepools": {"type": "array", "minItems": 1, "items": {"type": "string"}}}
					}},
					"whenUnsatisfiable": {"type": "string", "enum": ["ScaleUpAnyway", "DoNotScaleUp"]},
					"nodePoolAutoCreation": {"type": "object", "properties": {"enabled": {"type": "boolean"}}},
					"activeMigration": {"type": "object", "properties": {"optimizeRulePriority": {"type": "boolean"}}}
				}
			}}
		}}}]
	}
}`

// priorities returns the node pools of a ComputeClass, in order; an empty list if the class
// does not exist.
func priorities(ctx context.Context, client kubernetes.Interface, class string) ([][]string, error) {
	pools := [][]string{}
	text, err := client.Discovery().RESTClient().Get().AbsPath("/apis/cloud.google.com/v1/computeclasses/" + class).DoRaw(ctx)
	if apierrors.IsNotFound(err) {
		return pools, nil
	}
	if err != nil {
		return nil, err
	}
	var object struct {
		Spec struct {
			Priorities []struct {
				NodePools []string `json:"nodepools"`
			} `json:"priorities"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, err
	}
	for _, rule := range object.Spec.Priorities {
		pools = append(pools, rule.NodePools)
	}
	return pools, nil
}
