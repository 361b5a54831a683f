// Package gke defines the settings of the cluster and its network.
package gke

// ControlPlane is the version policy of the control plane, and how it keeps Secrets.
type ControlPlane struct {
	// Release channel of the cluster.
	ReleaseChannel string `json:"releaseChannel" noun:"a release channel" jsonschema:"default=REGULAR,enum=RAPID,enum=REGULAR,enum=STABLE,example=RAPID"`
	// Oldest version of the control plane; tpu7x needs 1.34.0-gke.2201000 or newer.
	MinVersion string `json:"minVersion" jsonschema:"default=1.35,example=1.36"`
	// Cloud KMS key that encrypts Kubernetes Secrets, projects/P/locations/R/keyRings/RING/cryptoKeys/KEY, in the
	// cluster's region; GKE's service agent must be allowed to use it. Empty means Google's own key. The name is
	// not a secret: use pulumi config set --plaintext --path.
	SecretsKey string `json:"secretsKey"`
}

// SystemPool is the CPU node pool.
type SystemPool struct {
	// Machine type of its nodes.
	MachineType string `json:"machineType" jsonschema:"default=e2-standard-8,example=e2-standard-16"`
	// Number of nodes.
	Nodes int `json:"nodes" unit:"nodes" jsonschema:"default=1,minimum=1,maximum=100,example=3"`
}

// Network holds address ranges in CIDR notation.
type Network struct {
	// IPv4 range of the nodes.
	Nodes string `json:"nodes" jsonschema:"default=10.0.0.0/20"`
	// IPv4 range of the pods.
	Pods string `json:"pods" jsonschema:"default=10.4.0.0/14"`
	// IPv4 range of the Services.
	Services string `json:"services" jsonschema:"default=10.8.0.0/20"`
	// IPv4 range of the control plane, a /28.
	ControlPlane string `json:"controlPlane" jsonschema:"default=172.16.0.0/28"`
	// Ranges that may reach the control plane's public address; include your own. If the list is empty, there is no
	// public address, only the DNS endpoint, which checks IAM.
	AuthorizedNetworks []string `json:"authorizedNetworks"`
	// An existing subnetwork to use instead of creating a network; docs/existing.md.
	Existing ExistingNetwork `json:"existing"`
}
