package cluster

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ExistingArgs describes an existing cluster.
type ExistingArgs struct {
	ID           string // projects/P/locations/L/clusters/C
	Name         string
	Endpoint     string // DNS name of the control plane
	Kubeconfig   string // instead of Endpoint, if it is known
	WorkloadPool string

	// NodeServiceAccount is the email of the account of the added nodes; empty: create one
	// in Project, named after Base, with its roles.
	NodeServiceAccount string
	Project            string
	Base               string
}

// NewExisting registers what an endpoint needs in addition to an existing cluster: the
// provider for objects in it, and the account of its nodes. The cluster is not one of the
// component's resources.
func NewExisting(ctx *pulumi.Context, name string, args *ExistingArgs, opts ...pulumi.ResourceOption) (*Cluster, error) {
	c := &Cluster{}
	if err := c.Register(ctx, "sglang-tpu:infra:ExistingCluster", name, opts...); err != nil {
		return nil, err
	}
	inside := pulumi.Parent(c)
	nodes, roles, err := newNodeAccount(ctx, name, args.Project, args.Base, args.NodeServiceAccount, inside)
	if err != nil {
		return nil, err
	}
	c.ID = pulumi.String(args.ID).ToStringOutput()
	c.Name = pulumi.String(args.Name).ToStringOutput()
	c.Kubeconfig = pulumi.String(cmp.Or(args.Kubeconfig, Kubeconfig(args.Name, args.Endpoint))).ToStringOutput()
	c.WorkloadPool = pulumi.String(args.WorkloadPool).ToStringOutput()
	c.NodeServiceAccount = nodes
	c.Dependencies = roles
	return c, c.finish(ctx, name, inside)
}
