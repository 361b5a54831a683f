package stacks

import (
	"path"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"

	"sglang-tpu/spec/existing"
)

// at is an element of a list that the provider has for a block of which there is at most
// one; the zero value if there is none.
func at[T any](list []T) T {
	var none T
	if len(list) == 0 {
		return none
	}
	return list[0]
}

// clusterFacts are what the program has to know of a cluster that the provider describes.
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
