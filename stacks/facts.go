package stacks

import (
	"path"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"

	"sglang-tpu/spec/existing"
)

// at returns an element of a list, or the zero value. The provider represents an optional
// block as a list with at most one element.
func at[T any](list []T) T {
	var none T
	if len(list) == 0 {
		return none
	}
	return list[0]
}

// clusterFacts converts the provider's description of a cluster.
func clusterFacts(c *container.LookupClusterResult, location string) existing.Cluster {
	dns := at(at(c.ControlPlaneEndpointsConfigs).DnsEndpointConfigs)
	addons := at(c.AddonsConfigs)
	facts := existing.Cluster{
		Name: c.Name, Location: location, Version: c.MasterVersion, Autopilot: c.EnableAutopilot,
		WorkloadPool: at(c.WorkloadIdentityConfigs).WorkloadPool,
		DNSEndpoint:  dns.Endpoint, External: dns.AllowExternalTraffic,
		FuseDriver:    at(addons.GcsFuseCsiDriverConfigs).Enabled,
		DiskDriver:    at(addons.GcePersistentDiskCsiDriverConfigs).Enabled,
		SecretManager: at(c.SecretManagerConfigs).Enabled,
		Prometheus:    at(at(c.MonitoringConfigs).ManagedPrometheuses).Enabled,
		NetworkPolicy: c.DatapathProvider == "ADVANCED_DATAPATH" || at(c.NetworkPolicies).Enabled,
		Network:       path.Base(c.Network), Subnetwork: path.Base(c.Subnetwork),
		ControlPlane: at(c.PrivateClusterConfigs).MasterIpv4CidrBlock,
	}
	for _, p := range c.NodePools {
		node := at(p.NodeConfigs)
		facts.NodePools = append(facts.NodePools, existing.NodePool{
			Name: p.Name, MachineType: node.MachineType, Topology: at(p.PlacementPolicies).TpuTopology,
			Nodes: p.NodeCount, Autoscaled: len(p.Autoscalings) > 0, Zones: p.NodeLocations,
			MetadataServer: at(node.WorkloadMetadataConfigs).Mode == "GKE_METADATA", ServiceAccount: node.ServiceAccount,
		})
	}
	return facts
}
