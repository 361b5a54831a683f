package network

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/compute"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ExistingArgs describes an existing subnetwork.
type ExistingArgs struct {
	Project    string // of the network: the host project of a Shared VPC
	Region     string
	Network    string // names
	Subnetwork string

	// FirewallName is the name of the rule from the control plane to webhooks; empty if the
	// network's owner has created one.
	FirewallName string
	ControlPlane string // range that the rule is for
	NodeTag      string
	WebhookPorts []int
}

// NewExisting registers what a cluster needs in an existing network: at most one firewall
// rule. Network and subnetwork are not resources of the component.
func NewExisting(ctx *pulumi.Context, name string, args *ExistingArgs, opts ...pulumi.ResourceOption) (*Network, error) {
	n := &Network{}
	if err := n.Register(ctx, "sglang-tpu:infra:ExistingNetwork", name, opts...); err != nil {
		return nil, err
	}
	network := "projects/" + args.Project + "/global/networks/" + args.Network
	n.NetworkID = pulumi.String(network).ToStringOutput()
	n.SubnetworkID = pulumi.String("projects/" + args.Project + "/regions/" + args.Region + "/subnetworks/" + args.Subnetwork).ToStringOutput()
	if args.FirewallName != "" {
		rule, err := compute.NewFirewall(ctx, name+"-webhooks", webhookRule(args.Project, args.FirewallName, pulumi.String(network), args.ControlPlane, args.NodeTag, args.WebhookPorts), pulumi.Parent(n))
		if err != nil {
			return nil, err
		}
		n.Dependencies = []pulumi.Resource{rule}
	}
	return n, n.RegisterOutputs(ctx, pulumi.Map{"networkId": n.NetworkID, "subnetworkId": n.SubnetworkID})
}

// webhookRule lets the control plane reach the webhooks on the nodes.
func webhookRule(project, name string, network pulumi.StringInput, from, tag string, webhooks []int) *compute.FirewallArgs {
	return &compute.FirewallArgs{
		Project:      pulumi.String(project),
		Name:         pulumi.String(name),
		Description:  pulumi.String("GKE control plane to the admission webhooks on the nodes"),
		Network:      network,
		Direction:    pulumi.String("INGRESS"),
		SourceRanges: pulumi.StringArray{pulumi.String(from)},
		TargetTags:   pulumi.StringArray{pulumi.String(tag)},
		Allows: compute.FirewallAllowArray{compute.FirewallAllowArgs{
			Protocol: pulumi.String("tcp"),
			Ports:    ports(webhooks),
		}},
	}
}
