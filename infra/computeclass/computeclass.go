// Package computeclass tells GKE's cluster autoscaler which node pool to take first.
package computeclass

import (
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
)

// Args describes the ComputeClass.
type Args struct {
	Name string // cluster-scoped
	// Priorities are the names of node pools. GKE takes one of the first list, if one of them
	// gets its nodes, or else one of the second, and so on. The pools carry the class's label
	// and taint.
	Priorities [][]string
}

// ComputeClass is the order in which GKE's cluster autoscaler looks for a node pool that gets
// its nodes. Without one it takes the cheapest (documentation, About cluster autoscaling:
// operating criteria).
//
// It names pools that exist, and lets GKE make none: what GKE makes by itself is in no
// preview, and stays when a stack in somebody else's cluster is destroyed. Nodes that run are
// never given up for a better priority (activeMigration).
type ComputeClass struct{ component.Base }

// New registers the component.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*ComputeClass, error) {
	c := &ComputeClass{}
	if err := c.Register(ctx, "sglang-tpu:infra:ComputeClass", name, opts...); err != nil {
		return nil, err
	}
	class, err := apiextensions.NewCustomResource(ctx, name, &apiextensions.CustomResourceArgs{
		ApiVersion:  pulumi.String("cloud.google.com/v1"),
		Kind:        pulumi.String("ComputeClass"),
		Metadata:    &metav1.ObjectMetaArgs{Name: pulumi.String(args.Name)},
		OtherFields: kubernetes.UntypedArgs{"spec": spec(args.Priorities)},
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.Dependencies = []pulumi.Resource{class}
	return c, c.RegisterOutputs(ctx, pulumi.Map{"name": pulumi.String(args.Name)})
}

func spec(priorities [][]string) pulumi.Map {
	var rules pulumi.Array
	for _, pools := range priorities {
		rules = append(rules, pulumi.Map{"nodepools": pulumi.ToStringArray(pools)})
	}
	return pulumi.Map{
		"priorities":           rules,
		"whenUnsatisfiable":    pulumi.String("DoNotScaleUp"),
		"nodePoolAutoCreation": pulumi.Map{"enabled": pulumi.Bool(false)},
		"activeMigration":      pulumi.Map{"optimizeRulePriority": pulumi.Bool(false)},
	}
}
