package gke

import "slices"

// ExistingNetwork is a subnetwork that somebody else made, often the network team in the
// host project of a Shared VPC. It is used, and never changed or deleted.
type ExistingNetwork struct {
	// Project of the network: the host project of a Shared VPC. Empty means gcp:project.
	Project string `json:"project"`
	// Name of the network.
	Network string `json:"network"`
	// Name of the subnetwork, in the region of gcp:zone.
	Subnetwork string `json:"subnetwork"`
	// Name of the subnetwork's secondary range for pods. Not with cluster.existing.
	PodsRange string `json:"podsRange"`
	// Name of the subnetwork's secondary range for Services. Not with cluster.existing.
	ServicesRange string `json:"servicesRange"`
	// Makes the firewall rule from the control plane to webhooks in the network's project. Set it to false where
	// only the network's owner may make rules; docs/existing.md has the rule to ask for. Not with cluster.existing.
	FirewallRule bool `json:"firewallRule" jsonschema:"default=true"`
}

// Used reports whether any name of the network is set.
func (e ExistingNetwork) Used() bool {
	return e.Project+e.Network+e.Subnetwork+e.PodsRange+e.ServicesRange != ""
}

// Cluster says which cluster the endpoint runs in.
type Cluster struct {
	// A GKE cluster that somebody else made. It is used, and never changed or deleted.
	Existing ExistingCluster `json:"existing"`
}

// ExistingCluster is a cluster that somebody else made.
type ExistingCluster struct {
	// Name of the cluster. Empty means that this program makes one.
	Name string `json:"name"`
	// Region or zone of its control plane. Empty means the region of gcp:zone.
	Location string `json:"location"`
	// TPU node pools of the cluster that somebody else made, each one slice: one for each replica. Empty means that
	// this program makes them.
	NodePools []string `json:"nodePools"`
	// Says that the LeaderWorkerSet controller is installed already.
	LeaderWorkerSet bool `json:"leaderWorkerSet" jsonschema:"default=false"`
}

// Used reports whether the cluster is somebody else's.
func (e ExistingCluster) Used() bool {
	return e.Name != "" || e.Location != "" || len(e.NodePools) > 0 || e.LeaderWorkerSet
}

// ServiceAccounts are Google service accounts that somebody else made. They are used, and
// never changed or deleted.
type ServiceAccounts struct {
	// Email of the account of the nodes. Empty means that this program makes one.
	Nodes string `json:"nodes"`
	// Email of the account that builds and pushes the server image. Empty means that this program makes one. Only with
	// image source build.
	Builder string `json:"builder"`
}

// Layers of a deployment. One stack has all of it, or a platform and its endpoints have a
// stack each.
const (
	AllLayers = "all"
	Platform  = "platform" // network, cluster, LeaderWorkerSet controller, repositories and bucket
	Endpoint  = "endpoint" // slices, image, model server, Service and monitoring
)

// Shared reports whether other endpoints may run in the cluster of a configuration: whose
// names in it then carry the stack's name.
func Shared(layer string, existing ExistingCluster) bool {
	return layer == Endpoint || existing.Used()
}

// Repeated is the first entry of a list that is in it twice; empty if there is none.
func Repeated(list []string) string {
	for i, entry := range list {
		if slices.Contains(list[:i], entry) {
			return entry
		}
	}
	return ""
}
