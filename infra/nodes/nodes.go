// Package nodes defines the configuration that all node pools share, with CPUs or TPUs.
package nodes

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Scopes of the nodes' access tokens. The default is storage read-only and cannot be
// changed later; GKE's advice is cloud-platform, restricted by the roles of the account.
var Scopes = pulumi.StringArray{pulumi.String("https://www.googleapis.com/auth/cloud-platform")}

// Args describes what the nodes of one environment share.
type Args struct {
	ServiceAccount pulumi.StringInput // email
	Tag            string             // network tag, by which firewall rules find the nodes
	Labels         map[string]string  // of the Compute Engine resources
}

// Config returns the configuration of a node pool's nodes, without machine type and boot
// disk.
func Config(args Args) *container.NodePoolNodeConfigArgs {
	return &container.NodePoolNodeConfigArgs{
		ImageType:              pulumi.String("COS_CONTAINERD"),
		ServiceAccount:         args.ServiceAccount,
		OauthScopes:            Scopes,
		Tags:                   pulumi.StringArray{pulumi.String(args.Tag)},
		ResourceLabels:         pulumi.ToStringMap(args.Labels),
		Metadata:               pulumi.StringMap{"disable-legacy-endpoints": pulumi.String("true")},
		WorkloadMetadataConfig: container.NodePoolNodeConfigWorkloadMetadataConfigArgs{Mode: pulumi.String("GKE_METADATA")},
		ShieldedInstanceConfig: container.NodePoolNodeConfigShieldedInstanceConfigArgs{
			EnableSecureBoot: pulumi.Bool(true), EnableIntegrityMonitoring: pulumi.Bool(true),
		},
		GcfsConfig: container.NodePoolNodeConfigGcfsConfigArgs{Enabled: pulumi.Bool(true)}, // image streaming
	}
}
