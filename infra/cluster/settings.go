package cluster

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/nodes"
)

func clusterArgs(args *Args, nodeAccount pulumi.StringInput) *container.ClusterArgs {
	allowed := container.ClusterMasterAuthorizedNetworksConfigCidrBlockArray{}
	for _, r := range args.Network.AuthorizedNetworks {
		allowed = append(allowed, container.ClusterMasterAuthorizedNetworksConfigCidrBlockArgs{CidrBlock: pulumi.String(r)})
	}
	settings := &container.ClusterArgs{
		Project:  pulumi.String(args.Project),
		Name:     pulumi.String(args.Name),
		Location: pulumi.String(args.Location),
		// All nodes are in the zone with the chips.
		NodeLocations:      pulumi.StringArray{pulumi.String(args.Zone)},
		DeletionProtection: pulumi.Bool(args.Protect),
		ResourceLabels:     pulumi.ToStringMap(args.Labels),

		ReleaseChannel:    container.ClusterReleaseChannelArgs{Channel: pulumi.String(args.ControlPlane.ReleaseChannel)},
		MinMasterVersion:  pulumi.String(args.ControlPlane.MinVersion),
		MaintenancePolicy: maintenancePolicy(args.Maintenance),

		// A node pool in the cluster resource cannot be changed without replacing the
		// cluster, so GKE's default pool exists only during the create.
		RemoveDefaultNodePool: pulumi.Bool(true),
		InitialNodeCount:      pulumi.Int(1),
		NodeConfig: container.ClusterNodeConfigArgs{
			ServiceAccount: nodeAccount,
			OauthScopes:    nodes.Scopes,
			ShieldedInstanceConfig: container.ClusterNodeConfigShieldedInstanceConfigArgs{
				EnableSecureBoot: pulumi.Bool(true), EnableIntegrityMonitoring: pulumi.Bool(true),
			},
		},

		Network:                   args.NetworkID,
		Subnetwork:                args.SubnetworkID,
		NetworkingMode:            pulumi.String("VPC_NATIVE"),
		DatapathProvider:          pulumi.String("ADVANCED_DATAPATH"),
		EnableIntranodeVisibility: pulumi.Bool(true),
		IpAllocationPolicy: container.ClusterIpAllocationPolicyArgs{
			ClusterSecondaryRangeName:  pulumi.String(args.PodsRange),
			ServicesSecondaryRangeName: pulumi.String(args.ServicesRange),
		},
		PrivateClusterConfig: container.ClusterPrivateClusterConfigArgs{
			EnablePrivateNodes: pulumi.Bool(true),
			// The public address exists only for authorized networks; all other clients use
			// the DNS endpoint.
			EnablePrivateEndpoint: pulumi.Bool(len(args.Network.AuthorizedNetworks) == 0),
			MasterIpv4CidrBlock:   pulumi.String(args.Network.ControlPlane),
		},
		ControlPlaneEndpointsConfig: container.ClusterControlPlaneEndpointsConfigArgs{
			DnsEndpointConfig: container.ClusterControlPlaneEndpointsConfigDnsEndpointConfigArgs{
				AllowExternalTraffic: pulumi.Bool(true),
			},
		},
		// Set even if it is empty: without the block, every address may connect.
		MasterAuthorizedNetworksConfig: container.ClusterMasterAuthorizedNetworksConfigArgs{
			CidrBlocks:                  allowed,
			GcpPublicCidrsAccessEnabled: pulumi.Bool(false),
		},

		WorkloadIdentityConfig: container.ClusterWorkloadIdentityConfigArgs{
			WorkloadPool: pulumi.String(args.Project + ".svc.id.goog"),
		},
		EnableShieldedNodes: pulumi.Bool(true),
		// The default for later node pools. In the pools themselves, GKE adds the block.
		NodePoolDefaults: container.ClusterNodePoolDefaultsArgs{NodeConfigDefaults: container.ClusterNodePoolDefaultsNodeConfigDefaultsArgs{
			InsecureKubeletReadonlyPortEnabled: pulumi.String("FALSE"),
		}},
		// system:authenticated includes everybody with a Google account.
		RbacBindingConfig: container.ClusterRbacBindingConfigArgs{
			EnableInsecureBindingSystemUnauthenticated: pulumi.Bool(false),
			EnableInsecureBindingSystemAuthenticated:   pulumi.Bool(false),
		},
		EnableLegacyAbac: pulumi.Bool(false),
		MasterAuth: container.ClusterMasterAuthArgs{
			ClientCertificateConfig: container.ClusterMasterAuthClientCertificateConfigArgs{IssueClientCertificate: pulumi.Bool(false)},
		},
		// VULNERABILITY_BASIC is "no longer supported" (API reference of container/v1,
		// SecurityPostureConfig.VulnerabilityMode), and VULNERABILITY_ENTERPRISE is paid for.
		SecurityPostureConfig: container.ClusterSecurityPostureConfigArgs{
			Mode: pulumi.String("BASIC"), VulnerabilityMode: pulumi.String("VULNERABILITY_DISABLED"),
		},

		AddonsConfig: container.ClusterAddonsConfigArgs{
			GcePersistentDiskCsiDriverConfig: container.ClusterAddonsConfigGcePersistentDiskCsiDriverConfigArgs{Enabled: pulumi.Bool(true)},
			GcsFuseCsiDriverConfig:           container.ClusterAddonsConfigGcsFuseCsiDriverConfigArgs{Enabled: pulumi.Bool(true)},
		},
		LoggingConfig: container.ClusterLoggingConfigArgs{
			EnableComponents: pulumi.ToStringArray([]string{"SYSTEM_COMPONENTS", "WORKLOADS"}),
		},
		MonitoringConfig: container.ClusterMonitoringConfigArgs{
			EnableComponents:  pulumi.ToStringArray([]string{"SYSTEM_COMPONENTS"}),
			ManagedPrometheus: container.ClusterMonitoringConfigManagedPrometheusArgs{Enabled: pulumi.Bool(true)},
		},
		CostManagementConfig: container.ClusterCostManagementConfigArgs{Enabled: pulumi.Bool(true)},
	}
	if args.SecretManager {
		settings.SecretManagerConfig = container.ClusterSecretManagerConfigArgs{Enabled: pulumi.Bool(true)}
	}
	// The key of Cloud KMS encrypts the keys of Kubernetes Secrets; without one, GKE uses a key
	// of Google's.
	if key := args.ControlPlane.SecretsKey; key != "" {
		settings.DatabaseEncryption = container.ClusterDatabaseEncryptionArgs{State: pulumi.String("ENCRYPTED"), KeyName: pulumi.String(key)}
	}
	return settings
}

func systemPoolArgs(args *Args, cluster *container.Cluster, nodeAccount pulumi.StringInput) *container.NodePoolArgs {
	node := nodes.Config(nodes.Args{ServiceAccount: nodeAccount, Tag: args.NodeTag, Labels: args.Labels})
	node.MachineType = pulumi.String(args.SystemPool.MachineType)
	node.DiskType = pulumi.String("pd-balanced")
	node.DiskSizeGb = pulumi.Int(100)
	return &container.NodePoolArgs{
		Project:         pulumi.String(args.Project),
		Name:            pulumi.String("system"),
		Cluster:         cluster.ID(),
		Location:        pulumi.String(args.Location),
		NodeLocations:   pulumi.StringArray{pulumi.String(args.Zone)},
		NodeCount:       pulumi.Int(args.SystemPool.Nodes),
		NodeConfig:      node,
		Management:      container.NodePoolManagementArgs{AutoRepair: pulumi.Bool(true), AutoUpgrade: pulumi.Bool(true)},
		UpgradeSettings: container.NodePoolUpgradeSettingsArgs{MaxSurge: pulumi.Int(1), MaxUnavailable: pulumi.Int(0)},
	}
}
