package cloud

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Clusters runs the control planes and nodes of the emulated GKE.
type Clusters interface {
	// CreateCluster starts a control plane, from its data on disk if there is any, and returns
	// when it is ready.
	CreateCluster(ctx context.Context, spec ClusterSpec) (endpoint string, err error)
	// DeleteCluster stops a control plane and removes its data.
	DeleteCluster(ctx context.Context, name string) error
	// SetNodes replaces the set of a pool's nodes. It returns when the new nodes are ready and
	// the old ones are gone.
	SetNodes(ctx context.Context, cluster, pool string, nodes []Node) error
	// FailNodes makes nodes vanish together, with everything on them.
	FailNodes(ctx context.Context, cluster string, nodes []string) error
	// Drain cordons nodes and evicts their pods, and returns when they are empty, or when the
	// time has passed for which GKE lets pods hold an upgrade up.
	Drain(ctx context.Context, cluster string, nodes []string) error
	// ShutDownNodes shuts nodes down at the same time. Their pods get at most grace to
	// terminate; then the nodes are removed.
	ShutDownNodes(ctx context.Context, cluster string, nodes []string, grace time.Duration) error
}

// ClusterSpec describes a control plane.
type ClusterSpec struct {
	Name     string
	Project  string
	PodsCIDR string
}

// MetadataServerLabel is true on nodes whose pods reach GKE's metadata server.
const MetadataServerLabel = "iam.gke.io/gke-metadata-server-enabled"

// Node is one node of a node pool, as GKE registers it.
type Node struct {
	Name           string
	Pool           string
	MachineType    string
	Zone           string
	ServiceAccount string // email
	Streaming      bool   // image streaming is on
	Labels         map[string]string
	Taints         []corev1.Taint
	CPU            string // Kubernetes quantity
	Memory         string
	TPUs           int    // chips
	Version        string // GKE version, such as 1.35.2-gke.2037000
}
