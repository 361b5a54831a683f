package cluster

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/projects"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/serviceaccount"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// nodeRoles are the roles of the nodes' service account in the project, each with the
// suffix of the resource that grants it.
var nodeRoles = []struct{ suffix, role string }{
	// GKE documents this as the minimum for nodes: logs, metrics, metadata.
	{"-nodes-role", "roles/container.defaultNodeServiceAccount"},
	// Image streaming counts as a use of the project's API. GKE's documentation requires
	// the role for every account except the default one; without it, pods do not start
	// (terraform-google-kubernetes-engine issue 2251).
	{"-nodes-streaming", "roles/serviceusage.serviceUsageConsumer"},
}

// newNodeAccount creates the service account of the nodes of base with its roles, and returns
// its email and what the nodes wait for. An existing account gets no roles.
func newNodeAccount(ctx *pulumi.Context, name, project, base, existing string, inside pulumi.ResourceOption) (pulumi.StringOutput, []pulumi.Resource, error) {
	if existing != "" {
		return pulumi.String(existing).ToStringOutput(), nil, nil
	}
	nodes, err := serviceaccount.NewAccount(ctx, name+"-nodes", &serviceaccount.AccountArgs{
		Project:     pulumi.String(project),
		AccountId:   pulumi.String(base + "-nodes"),
		DisplayName: pulumi.String("GKE nodes of " + base),
	}, inside)
	if err != nil {
		return pulumi.StringOutput{}, nil, err
	}
	var roles []pulumi.Resource
	for _, r := range nodeRoles {
		role, err := projects.NewIAMMember(ctx, name+r.suffix, &projects.IAMMemberArgs{
			Project: pulumi.String(project),
			Role:    pulumi.String(r.role),
			Member:  nodes.Member,
		}, inside)
		if err != nil {
			return pulumi.StringOutput{}, nil, err
		}
		roles = append(roles, role)
	}
	return nodes.Email, roles, nil
}
