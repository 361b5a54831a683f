// Package network creates the cluster's private network.
package network

import (
	"strconv"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/compute"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
	"sglang-tpu/spec/gke"
)

// The names of the subnet's secondary ranges.
const (
	PodsRange     = "pods"
	ServicesRange = "services"
)

// mtu is the maximum of Google's networks, because TPU hosts exchange large packets.
const mtu = 8896

// Args describes the network.
type Args struct {
	Name    string // of the network; everything else is named after it
	Project string
	Region  string

	Ranges gke.Network

	NodeTag      string // network tag that every node carries
	WebhookPorts []int  // on the nodes, opened to the control plane
}

// Network is a custom-mode VPC with one subnet, a NAT for its nodes, which have no
// public addresses, and one firewall rule.
//
// The rule is easily forgotten: GKE only lets a private control plane reach its nodes on
// ports 443 and 10250, so webhooks on other ports time out without the rule.
type Network struct {
	component.Base

	NetworkID    pulumi.StringOutput
	SubnetworkID pulumi.StringOutput
}

// New registers the component.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Network, error) {
	n := &Network{}
	if err := n.Register(ctx, "sglang-tpu:infra:Network", name, opts...); err != nil {
		return nil, err
	}
	inside := pulumi.Parent(n)
	project, region := pulumi.String(args.Project), pulumi.String(args.Region)

	vpc, err := compute.NewNetwork(ctx, name, &compute.NetworkArgs{
		Project:               project,
		Name:                  pulumi.String(args.Name),
		AutoCreateSubnetworks: pulumi.Bool(false),
		RoutingMode:           pulumi.String("REGIONAL"),
		Mtu:                   pulumi.Int(mtu),
	}, inside)
	if err != nil {
		return nil, err
	}
	subnet, err := compute.NewSubnetwork(ctx, name+"-subnet", &compute.SubnetworkArgs{
		Project:               project,
		Name:                  pulumi.String(args.Name),
		Region:                region,
		Network:               vpc.ID(),
		IpCidrRange:           pulumi.String(args.Ranges.Nodes),
		PrivateIpGoogleAccess: pulumi.Bool(true),
		SecondaryIpRanges: compute.SubnetworkSecondaryIpRangeArray{
			compute.SubnetworkSecondaryIpRangeArgs{RangeName: pulumi.String(PodsRange), IpCidrRange: pulumi.String(args.Ranges.Pods)},
			compute.SubnetworkSecondaryIpRangeArgs{RangeName: pulumi.String(ServicesRange), IpCidrRange: pulumi.String(args.Ranges.Services)},
		},
		LogConfig: compute.SubnetworkLogConfigArgs{
			AggregationInterval: pulumi.String("INTERVAL_10_MIN"),
			FlowSampling:        pulumi.Float64(0.1),
			Metadata:            pulumi.String("INCLUDE_ALL_METADATA"),
		},
	}, inside)
	if err != nil {
		return nil, err
	}
	router, err := compute.NewRouter(ctx, name+"-router", &compute.RouterArgs{
		Project: project,
		Name:    pulumi.String(args.Name),
		Region:  region,
		Network: vpc.ID(),
	}, inside)
	if err != nil {
		return nil, err
	}
	nat, err := compute.NewRouterNat(ctx, name+"-nat", &compute.RouterNatArgs{
		Project:                       project,
		Name:                          pulumi.String(args.Name),
		Region:                        region,
		Router:                        router.Name,
		NatIpAllocateOption:           pulumi.String("AUTO_ONLY"),
		SourceSubnetworkIpRangesToNat: pulumi.String("ALL_SUBNETWORKS_ALL_IP_RANGES"),
		LogConfig: compute.RouterNatLogConfigArgs{
			Enable: pulumi.Bool(true),
			Filter: pulumi.String("ERRORS_ONLY"),
		},
	}, inside)
	if err != nil {
		return nil, err
	}
	webhooks, err := compute.NewFirewall(ctx, name+"-webhooks",
		webhookRule(args.Project, args.Name+"-webhooks", vpc.ID(), args.Ranges.ControlPlane, args.NodeTag, args.WebhookPorts), inside)
	if err != nil {
		return nil, err
	}
	n.Dependencies = []pulumi.Resource{vpc, subnet, router, nat, webhooks}
	n.NetworkID = vpc.ID().ToStringOutput()
	n.SubnetworkID = subnet.ID().ToStringOutput()
	return n, n.RegisterOutputs(ctx, pulumi.Map{"networkId": n.NetworkID, "subnetworkId": n.SubnetworkID})
}

func ports(numbers []int) pulumi.StringArray {
	var text pulumi.StringArray
	for _, n := range numbers {
		text = append(text, pulumi.String(strconv.Itoa(n)))
	}
	return text
}
