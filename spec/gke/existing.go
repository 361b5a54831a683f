package gke

// ExistingNetwork is an existing subnetwork, such as the network team's in the host project
// of a Shared VPC. The program uses it but never changes or deletes it.
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
	// Whether to create the firewall rule from the control plane to webhooks, in the network's project. Set it to
	// false if only the network's owner may create rules; docs/existing.md has the rule to ask for. Not with
	// cluster.existing.
	FirewallRule bool `json:"firewallRule" jsonschema:"default=true"`
}

// Used reports whether any name of the network is set.
func (e ExistingNetwork) Used() bool {
	return e.Project+e.Network+e.Subnetwork+e.PodsRange+e.ServicesRange != ""
}

// Cluster says which cluster the endpoint runs in.
type Cluster struct {
	// An existing GKE cluster, which this program uses but never changes or deletes.
	Existing ExistingCluster `json:"existing"`
}

// ExistingCluster is an existing cluster.
type ExistingCluster struct {
	// Name of the cluster. Empty means that this program creates one.
	Name string `json:"name"`
	// Region or zone of its control plane. Empty means the region of gcp:zone.
	Location string `json:"location"`
	// Existing TPU node pools of the cluster, one for each replica; each is one slice. Empty means that this
	// program creates them.
	NodePools []string `json:"nodePools"`
	// Whether the LeaderWorkerSet controller is already installed.
	LeaderWorkerSet bool `json:"leaderWorkerSet" jsonschema:"default=false"`
}

// Used reports whether an existing cluster is used.
func (e ExistingCluster) Used() bool {
	return e.Name != "" || e.Location != "" || len(e.NodePools) > 0 || e.LeaderWorkerSet
}

// ServiceAccounts are existing Google service accounts. The program uses them but never
// changes or deletes them.
type ServiceAccounts struct {
	// Email of the account of the nodes. Empty means that this program creates one.
	Nodes string `json:"nodes" layer:"platform"`
	// Email of the account that builds and pushes the server image. Empty means that this program creates one. Only
	// with image source build.
	Builder string `json:"builder" layer:"endpoint"`
}

// Layers of a deployment. Either one stack has all of it, or a platform and each of its
// endpoints have separate stacks.
const (
	AllLayers = "all"
	Platform  = "platform" // network, cluster, LeaderWorkerSet controller, repositories and bucket
	Endpoint  = "endpoint" // slices, image, model server, Service and monitoring
)

// Shared reports whether other endpoints may run in the cluster. If so, the endpoint's
// names in the cluster contain the stack's name.
func Shared(layer string, existing ExistingCluster) bool {
	return layer == Endpoint || existing.Used()
}
