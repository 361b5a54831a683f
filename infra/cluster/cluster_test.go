package cluster

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/spec/gke"
)

const (
	clusterType = "gcp:container/cluster:Cluster"
	poolType    = "gcp:container/nodePool:NodePool"
	accountType = "gcp:serviceaccount/account:Account"
	roleType    = "gcp:projects/iAMMember:IAMMember"

	nodeAccount = "sglang-tpu-test-nodes@p.iam.gserviceaccount.com"
)

// create returns what the component made, and its kubeconfig.
func create(t *testing.T, change func(*Args)) (*pulumitest.Graph, string) {
	t.Helper()
	args := &Args{
		Name: "sglang-tpu-test", Project: "p", Location: "us-central1", Zone: "us-central1-c",
		NetworkID: pulumi.String("network-id"), SubnetworkID: pulumi.String("subnet-id"),
		PodsRange: "pods", ServicesRange: "services", Network: gke.Network{ControlPlane: "172.16.0.0/28"},
		ControlPlane: gke.ControlPlane{ReleaseChannel: "RAPID", MinVersion: "1.34.0-gke.2201000"},
		Maintenance:  gke.Maintenance{Window: gke.Window{Start: "03:00", Hours: 4}},
		SystemPool:   gke.SystemPool{MachineType: "e2-standard-8", Nodes: 2},
		NodeTag:      "node", Labels: map[string]string{"team": "ml"}, Protect: true,
	}
	if change != nil {
		change(args)
	}
	var config string
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		provider := &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, provider))
		c, err := New(ctx, "cluster", args, pulumi.Providers(provider), pulumi.Protect(args.Protect))
		if err != nil {
			return err
		}
		config = pulumitest.Await[string](t, c.Kubeconfig)
		assert.Equal(t, nodeAccount, pulumitest.Await[string](t, c.NodeServiceAccount))
		assert.Equal(t, "cluster-id", pulumitest.Await[string](t, c.ID))
		return nil
	})
	return graph, config
}

func TestEverythingIsInsideTheComponent(t *testing.T) {
	graph, _ := create(t, nil)
	for typ, names := range map[string][]string{
		clusterType: {"cluster"}, poolType: {"cluster-system"}, accountType: {"cluster-nodes"}, roleType: {"cluster-nodes-role", "cluster-nodes-streaming"},
	} {
		for _, name := range names {
			r := graph.Get(t, typ, name)
			assert.Equal(t, "cluster", r.Parent(), name)
			assert.Equal(t, "google", r.Provider(), name)
			assert.True(t, r.Protected(), name)
			assert.Equal(t, typ == poolType, r.DeletesBeforeReplace(), name)
		}
	}
	assert.Empty(t, graph.Get(t, poolType, "cluster-system").ReplacesOnChanges(), "an update that failed must not cost the controllers their nodes")
}

func TestTheClusterIsPrivateAndUsesIAM(t *testing.T) {
	graph, _ := create(t, nil)
	c := graph.Get(t, clusterType, "cluster")
	for path, want := range map[string]any{
		"project": "p", "location": "us-central1", "nodeLocations": []any{"us-central1-c"},
		"network": "network-id", "subnetwork": "subnet-id", "networkingMode": "VPC_NATIVE",
		"datapathProvider": "ADVANCED_DATAPATH", "removeDefaultNodePool": true, "deletionProtection": true,
		"releaseChannel.channel": "RAPID", "minMasterVersion": "1.34.0-gke.2201000",
		"ipAllocationPolicy.clusterSecondaryRangeName":                       "pods",
		"ipAllocationPolicy.servicesSecondaryRangeName":                      "services",
		"privateClusterConfig.enablePrivateNodes":                            true,
		"privateClusterConfig.masterIpv4CidrBlock":                           "172.16.0.0/28",
		"controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic": true,
		"masterAuthorizedNetworksConfig.cidrBlocks":                          []any{},
		"masterAuthorizedNetworksConfig.gcpPublicCidrsAccessEnabled":         false,
		"workloadIdentityConfig.workloadPool":                                "p.svc.id.goog",
		"nodeConfig.serviceAccount":                                          nodeAccount,
		"enableLegacyAbac":                                                   false,
		"masterAuth.clientCertificateConfig.issueClientCertificate":          false,
		"addonsConfig.gcePersistentDiskCsiDriverConfig.enabled":              true,
		"nodeConfig.shieldedInstanceConfig.enableSecureBoot":                 true,
		"securityPostureConfig":                                              map[string]any{"mode": "BASIC", "vulnerabilityMode": "VULNERABILITY_DISABLED"},
		"resourceLabels.team":                                                "ml",
		"enableShieldedNodes":                                                true,
		"privateClusterConfig.enablePrivateEndpoint":                         true,
		"monitoringConfig.managedPrometheus.enabled":                         true,
		"loggingConfig.enableComponents":                                     []any{"SYSTEM_COMPONENTS", "WORKLOADS"},
	} {
		assert.Equal(t, want, c.Value(path), path)
	}
	assert.True(t, c.DependsOn("cluster-nodes-role"), "a node without its role never becomes ready")
	assert.True(t, c.DependsOn("cluster-nodes-streaming"), "a node without it gets no image")
	assert.ElementsMatch(t, []string{"nodeConfig", "initialNodeCount"}, c.IgnoresChanges())
	assert.Equal(t, time.Hour, c.CreateTimeout(t))
	assert.Equal(t, time.Hour, c.UpdateTimeout(t))
	assert.Equal(t, time.Hour, c.DeleteTimeout(t))
}

func TestAuthorizedNetworksAreThoseOfTheCallerAndNoOthers(t *testing.T) {
	graph, _ := create(t, func(a *Args) { a.Network.AuthorizedNetworks = []string{"203.0.113.0/24", "198.51.100.7/32"} })
	assert.Equal(t, []any{map[string]any{"cidrBlock": "203.0.113.0/24"}, map[string]any{"cidrBlock": "198.51.100.7/32"}},
		graph.Get(t, clusterType, "cluster").Value("masterAuthorizedNetworksConfig.cidrBlocks"))
	assert.Equal(t, false, graph.Get(t, clusterType, "cluster").Value("privateClusterConfig.enablePrivateEndpoint"),
		"networks that are let in need an address to come to")
}

func TestSecretsAreEncryptedWithTheConfiguredKey(t *testing.T) {
	const key = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
	graph, _ := create(t, func(a *Args) { a.ControlPlane.SecretsKey = key })
	assert.Equal(t, map[string]any{"state": "ENCRYPTED", "keyName": key}, graph.Get(t, clusterType, "cluster").Value("databaseEncryption"))
	graph, _ = create(t, nil)
	assert.Nil(t, graph.Get(t, clusterType, "cluster").Value("databaseEncryption"))
}

func TestNodesHaveTheDocumentedRoles(t *testing.T) {
	graph, _ := create(t, nil)
	require.Len(t, graph.OfType(roleType), 2)
	for name, want := range map[string]string{
		"cluster-nodes-role":      "roles/container.defaultNodeServiceAccount",
		"cluster-nodes-streaming": "roles/serviceusage.serviceUsageConsumer",
	} {
		role := graph.Get(t, roleType, name)
		assert.Equal(t, want, role.Value("role"))
		assert.Equal(t, "serviceAccount:"+nodeAccount, role.Value("member"))
	}
}

func TestTheSystemPoolHasTheConfiguredSizeInOneZone(t *testing.T) {
	graph, _ := create(t, nil)
	pool := graph.Get(t, poolType, "cluster-system")
	for path, want := range map[string]any{
		"name": "system", "cluster": "cluster-id", "nodeLocations": []any{"us-central1-c"}, "nodeCount": 2.0,
		"nodeConfig.machineType": "e2-standard-8", "nodeConfig.serviceAccount": nodeAccount, "nodeConfig.tags": []any{"node"},
		"nodeConfig.oauthScopes":                             []any{"https://www.googleapis.com/auth/cloud-platform"},
		"nodeConfig.workloadMetadataConfig.mode":             "GKE_METADATA",
		"nodeConfig.metadata.disable-legacy-endpoints":       "true",
		"nodeConfig.shieldedInstanceConfig.enableSecureBoot": true,
		"management.autoRepair":                              true,
		"upgradeSettings.maxSurge":                           1.0,
	} {
		assert.Equal(t, want, pool.Value(path), path)
	}
	assert.ElementsMatch(t, []string{"initialNodeCount", "nodeConfig.kubeletConfig"}, pool.IgnoresChanges())
	assert.Equal(t, 45*time.Minute, pool.CreateTimeout(t))
}

func TestTheProviderWaitsForTheSystemPoolAndIsKeyedOnTheCluster(t *testing.T) {
	graph, config := create(t, nil)
	provider := graph.Get(t, "pulumi:providers:kubernetes", "cluster")
	assert.True(t, provider.DependsOn("cluster-system"))
	assert.Equal(t, "cluster-id", provider.Value("clusterIdentifier"))
	assert.Equal(t, config, provider.Value("kubeconfig"))
	assert.Equal(t, "cluster", provider.Parent())
}

func TestTheKubeconfigHoldsNoCredential(t *testing.T) {
	_, config := create(t, nil)
	var parsed struct {
		Clusters []struct {
			Cluster map[string]any `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			User map[string]any `json:"user"`
		} `json:"users"`
	}
	require.NoError(t, json.Unmarshal([]byte(config), &parsed))
	assert.Equal(t, map[string]any{"server": "https://gke-test.us-central1.gke.goog"}, parsed.Clusters[0].Cluster)
	require.Contains(t, parsed.Users[0].User, "exec")
	assert.Len(t, parsed.Users[0].User, 1)
	exec := parsed.Users[0].User["exec"].(map[string]any)
	assert.Equal(t, "gke-gcloud-auth-plugin", exec["command"])
	assert.Equal(t, []any{"--use_application_default_credentials"}, exec["args"], "the login that the gcp provider has, and no other")
}
