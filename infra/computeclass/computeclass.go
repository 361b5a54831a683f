// Package computeclass tells GKE's cluster autoscaler which node pools to try first.
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
	// Priorities are lists of names of node pools. GKE scales up a pool of the first list, or
	// if none of them gets its nodes, one of the second, and so on. The pools must have the
	// class's label and taint.
	Priorities [][]string
}

// ComputeClass is the order in which GKE's cluster autoscaler tries to scale up node pools.
// Without one, it chooses the cheapest (documentation, About cluster autoscaling: operating
// criteria).
//
// It names existing pools, and does not let GKE create others: no preview would show these,
// and they would remain when a stack in an existing cluster is destroyed. Running nodes are
// never replaced by nodes of a higher priority (activeMigration).
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
