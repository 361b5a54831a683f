package existing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/problem"
)

// Cluster is a cluster as GKE describes it.
type Cluster struct {
	Name          string
	Location      string
	Version       string // of the control plane
	Autopilot     bool
	WorkloadPool  string // of Workload Identity; empty: it is off
	DNSEndpoint   string // empty if the cluster has none
	External      bool   // whether the DNS endpoint accepts clients outside of Google's network
	FuseDriver    bool
	DiskDriver    bool // of persistent disks, and with it of Hyperdisk
	SecretManager bool // the add-on
	Prometheus    bool // managed collection
	NetworkPolicy bool // policies are enforced
	Network       string
	Subnetwork    string // names
	ControlPlane  string // range of the control plane; empty: it has none in the network
	NodePools     []NodePool
}

// NodePool is a node pool as GKE describes it.
type NodePool struct {
	Name           string
	MachineType    string
	Topology       string // empty: a single host
	Nodes          int    // in each zone
	Autoscaled     bool   // whether it may have no nodes until pods request them
	Zones          []string
	MetadataServer bool // whether pods get Workload Identity tokens
	ServiceAccount string
}

// tpu reports whether only pods that request TPUs may run on its nodes.
func (p NodePool) tpu() bool {
	return strings.HasPrefix(p.MachineType, "tpu") || strings.HasPrefix(p.MachineType, "ct")
}

// Accounts returns the service accounts of the nodes without TPUs, where Jobs run. Each is
// listed once; the default account is left out, because its permissions are not this
// program's concern.
func (c Cluster) Accounts() []string {
	var emails []string
	for _, p := range c.NodePools {
		if !p.tpu() && strings.Contains(p.ServiceAccount, "@") && !slices.Contains(emails, p.ServiceAccount) {
			emails = append(emails, p.ServiceAccount)
		}
	}
	return emails
}

// ClusterNeeds is what an endpoint needs of a cluster.
type ClusterNeeds struct {
	Project, Region, Zone string
	Bucket                bool   // weights are in a bucket
	Secrets               bool   // the token is in Secret Manager
	Monitoring            bool   // metrics are collected
	Network, Subnetwork   string // that it must be in; empty: any
	// Slices are the node pools that are named, each of which must be one slice.
	Slices      []string
	MachineType string
	Topology    string // of the slice; empty: a single host
	Hosts       int
}

// Check returns everything that does not meet the needs.
func (n ClusterNeeds) Check(c Cluster) problem.List {
	const key = ClusterKey + ".name"
	update := "run: gcloud container clusters update " + c.Name + " --location " + c.Location + " "
	if c.Autopilot {
		return check(key, c.Name, rule{true, "is an Autopilot cluster, in which no node pools can be created", "use a Standard cluster"})
	}
	pool := n.Project + ".svc.id.goog"
	hasCPUPool := slices.ContainsFunc(c.NodePools, func(p NodePool) bool { return !p.tpu() })
	found := check(key, c.Name,
		rule{c.Location != n.Region && gke.RegionOf(c.Location) != n.Region, "is in " + c.Location + ", and gcp:zone is in " + n.Region, "use a cluster in " + n.Region},
		rule{gke.Older(c.Version, gke.LeastVersion), "has GKE " + c.Version + ", and tpu7x needs " + gke.LeastVersion, "upgrade its control plane: gcloud container clusters upgrade " + c.Name + " --location " + c.Location + " --master"},
		rule{c.WorkloadPool != pool, "has no Workload Identity, which pods need to use the bucket and the repository", update + "--workload-pool " + pool},
		rule{c.DNSEndpoint == "" || !c.External, "has no DNS endpoint for external clients, which this program needs to reach it", update + "--enable-dns-access"},
		rule{n.Bucket && !c.FuseDriver, "has no Cloud Storage FUSE driver, which pods need to read the bucket", update + "--update-addons GcsFuseCsiDriver=ENABLED"},
		rule{!n.Bucket && !c.DiskDriver, "has no driver for persistent disks, which cache.mode disk needs", update + "--update-addons GcePersistentDiskCsiDriver=ENABLED"},
		rule{n.Secrets && !c.SecretManager, "has no Secret Manager add-on, which pods need to read hfTokenSecret", update + "--enable-secret-manager"},
		rule{n.Monitoring && !c.Prometheus, "has no managed collection for Prometheus, which collects the metrics", update + "--enable-managed-prometheus, or set monitoring.enabled to false"},
		rule{!hasCPUPool, "has no node pool without TPUs, where controllers and Jobs run", "add one whose nodes have 8 vCPU or more, such as e2-standard-8"},
	)
	if n.Network != "" && c.Network != n.Network {
		found.Add(NetworkKey+".network", n.Network, "is not the network of cluster "+c.Name+", which uses "+c.Network, "remove network.existing: the network follows from the cluster")
	}
	if n.Subnetwork != "" && c.Subnetwork != n.Subnetwork {
		found.Add(NetworkKey+".subnetwork", n.Subnetwork, "is not the subnetwork of cluster "+c.Name+", which uses "+c.Subnetwork, "remove network.existing: the network follows from the cluster")
	}
	for i, name := range n.Slices {
		found = append(found, n.checkPool(fmt.Sprintf("%s.nodePools[%d]", ClusterKey, i), name, c)...)
	}
	return found
}

func (n ClusterNeeds) checkPool(key, name string, c Cluster) problem.List {
	var found problem.List
	i := slices.IndexFunc(c.NodePools, func(p NodePool) bool { return p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range c.NodePools {
			names = append(names, p.Name)
		}
		found.Add(key, name, "is not a node pool of cluster "+c.Name, choose(names))
		return found
	}
	p := c.NodePools[i]
	if p.MachineType != n.MachineType {
		found.Add(key, name, "has machine type "+p.MachineType+", and the topology needs "+n.MachineType, "name a node pool of "+n.MachineType+", or another topology")
		return found
	}
	nodes := p.Nodes * max(1, len(p.Zones))
	return check(key, name,
		rule{p.Topology != n.Topology, "has the topology " + cmp.Or(p.Topology, "of a single host") + ", and sglang-tpu:topology is " + cmp.Or(n.Topology, "that of a single host"), "make them equal"},
		rule{p.Topology == n.Topology && !p.Autoscaled && nodes != n.Hosts, fmt.Sprintf("has %d nodes, but the slice has %d hosts", nodes, n.Hosts), "name a node pool that is one whole slice"},
		rule{!slices.Equal(p.Zones, []string{n.Zone}), "is in " + strings.Join(p.Zones, ", ") + ", and gcp:zone is " + n.Zone, "set gcp:zone to the zone of the slices"},
		rule{
			!p.MetadataServer, "has no GKE metadata server, which gives pods their Workload Identity tokens",
			"run: gcloud container node-pools update " + name + " --cluster " + c.Name + " --location " + c.Location + " --workload-metadata GKE_METADATA",
		},
	)
}

// Warnings returns what works but may be unexpected.
func (c Cluster) Warnings() problem.List {
	return check(ClusterKey+".name", c.Name, rule{
		!c.NetworkPolicy, "does not enforce NetworkPolicies: every pod of the cluster can reach the model server",
		"use a cluster with Dataplane V2, or enable network policy enforcement",
	})
}
