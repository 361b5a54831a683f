package cloud

import (
	"context"
	"time"
)

// Clusters makes real what the cloud's GKE promises: control planes and nodes.
type Clusters interface {
	// CreateCluster starts a control plane, or resumes it from disk, and returns when it
	// serves.
	CreateCluster(ctx context.Context, spec ClusterSpec) (endpoint string, err error)
	// DeleteCluster stops a control plane and removes its data.
	DeleteCluster(ctx context.Context, name string) error
	// SetNodes makes a pool's nodes exactly these and returns when they are ready, or gone.
	SetNodes(ctx context.Context, cluster, pool string, nodes []Node) error
	// FailNodes makes nodes vanish together, with everything on them.
	FailNodes(ctx context.Context, cluster string, nodes []string) error
	// Drain cordons nodes and evicts their pods, and returns when they are empty, or when the
	// time has passed for which GKE lets pods hold an upgrade up.
	Drain(ctx context.Context, cluster string, nodes []string) error
	// ShutDownNodes stops machines together: their pods have grace to end at most, and then
	// the nodes vanish.
	ShutDownNodes(ctx context.Context, cluster string, nodes []string, grace time.Duration) error
}

// ClusterSpec is what a control plane is made from. Ranges are CIDR.
type ClusterSpec struct {
	Name     string
	Project  string
	PodsCIDR string
}

// Node is one machine of a node pool, as GKE registers it.
type Node struct {
	Name           string
	Pool           string
	MachineType    string
	Zone           string
	ServiceAccount string // email
	Streaming      bool   // of images
	Labels         map[string]string
	Taints         []Taint
	CPU            string // Kubernetes quantity
	Memory         string
	TPUs           int    // chips
	Version        string // of GKE, such as 1.35.2-gke.2037000
}

// Taint as Kubernetes writes it.
type Taint struct{ Key, Value, Effect string }
