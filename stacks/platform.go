package stacks

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/lws"
	"sglang-tpu/infra/network"
	"sglang-tpu/spec/existing"
	"sglang-tpu/spec/gke"
)

// platform is what an endpoint needs from the layers below it. They may belong to this
// stack or another one, or exist outside of any stack.
type platform struct {
	gke      *cluster.Cluster
	name     string // of the cluster, for queries
	location string // of its control plane
	nodeTag  string
	// controlPlane is the range from which GKE calls webhooks; empty if the cluster has no
	// such range.
	controlPlane string
	// installed means that the LeaderWorkerSet controller already exists outside of this
	// stack.
	installed bool
	// nodes are the IAM members of existing nodes on which Jobs run. They also pull the
	// server image.
	nodes   []string
	outputs *platformOutputs // outputs of the platform's stack; nil if that is this stack
}

// inCluster returns the resource options for objects in the cluster.
func (p *platform) inCluster(s *stack) pulumi.ResourceOption {
	return pulumi.Composite(s.common, pulumi.Providers(s.google, p.gke.Provider))
}

// controller installs the LeaderWorkerSet controller, unless it exists.
func (p *platform) controller(s *stack, inCluster pulumi.ResourceOption) ([]pulumi.Resource, error) {
	if p.installed {
		return nil, nil
	}
	controller, err := lws.New(s.ctx, "lws", &lws.Args{Chart: s.LWSChart, ControlPlaneCIDR: p.controlPlane}, inCluster)
	if err != nil {
		return nil, err
	}
	return controller.Dependencies, nil
}

// platform creates network and cluster, or uses existing ones or those of another stack.
func (s *stack) platform(found *ground) (*platform, error) {
	switch {
	case found.platform != nil:
		return s.platformOf(found.platform)
	case found.cluster != nil:
		return s.existingCluster(found.cluster)
	}
	vpc, ranges, err := s.network()
	if err != nil {
		return nil, err
	}
	created, err := cluster.New(s.ctx, "cluster", &cluster.Args{
		Name: s.cloud.Base, Project: s.Project, Location: s.Region, Zone: s.Zone,
		NetworkID: vpc.NetworkID, SubnetworkID: vpc.SubnetworkID, NetworkDependencies: vpc.Dependencies,
		PodsRange: ranges.pods, ServicesRange: ranges.services,
		Network: s.Network, ControlPlane: s.GKE, Maintenance: s.Maintenance, SystemPool: s.SystemPool,
		// A platform does not know which of its endpoints will need it.
		SecretManager: s.HFTokenSecret != "" || s.Layer == gke.Platform,
		NodeTag:       s.cloud.NodeTag, Labels: s.Labels, Protect: s.Protect,
		NodeServiceAccount: s.ServiceAccounts.Nodes,
	}, s.common)
	if err != nil {
		return nil, err
	}
	return &platform{gke: created, name: s.clusterName(), location: s.clusterLocation(), nodeTag: s.cloud.NodeTag, controlPlane: s.Network.ControlPlane}, nil
}

// secondary contains the names of a subnetwork's secondary ranges.
type secondary struct{ pods, services string }

func (s *stack) network() (*network.Network, secondary, error) {
	e := s.Network.Existing
	if !e.Used() {
		created, err := network.New(s.ctx, "network", &network.Args{
			Name: s.cloud.Base, Project: s.Project, Region: s.Region,
			Ranges: s.Network, NodeTag: s.cloud.NodeTag, WebhookPorts: []int{lws.WebhookPort},
		}, s.common)
		return created, secondary{network.PodsRange, network.ServicesRange}, err
	}
	args := &network.ExistingArgs{
		Project: cmp.Or(e.Project, s.Project), Region: s.Region, Network: e.Network, Subnetwork: e.Subnetwork,
		ControlPlane: s.Network.ControlPlane, NodeTag: s.cloud.NodeTag, WebhookPorts: []int{lws.WebhookPort},
	}
	if e.FirewallRule {
		args.FirewallName = s.cloud.Base + "-webhooks"
	}
	used, err := network.NewExisting(s.ctx, "network", args, s.common)
	return used, secondary{e.PodsRange, e.ServicesRange}, err
}

// existingCluster returns the platform in an existing cluster.
func (s *stack) existingCluster(c *existing.Cluster) (*platform, error) {
	nodes := s.ServiceAccounts.Nodes
	for _, p := range c.NodePools {
		if len(s.Cluster.Existing.NodePools) > 0 && p.Name == s.Cluster.Existing.NodePools[0] {
			nodes = p.ServiceAccount
		}
	}
	used, err := cluster.NewExisting(s.ctx, "cluster", &cluster.ExistingArgs{
		ID: "projects/" + s.Project + "/locations/" + c.Location + "/clusters/" + c.Name, Name: c.Name, Endpoint: c.DNSEndpoint, WorkloadPool: c.WorkloadPool,
		NodeServiceAccount: nodes, Project: s.Project, Base: s.cloud.Base,
	}, s.common)
	if err != nil {
		return nil, err
	}
	var others []string
	for _, email := range c.Accounts() {
		if email != nodes {
			others = append(others, "serviceAccount:"+email)
		}
	}
	return &platform{
		nodes: others,
		gke:   used, name: c.Name, location: c.Location, nodeTag: s.cloud.NodeTag, controlPlane: c.ControlPlane,
		installed: s.Cluster.Existing.LeaderWorkerSet,
	}, nil
}
