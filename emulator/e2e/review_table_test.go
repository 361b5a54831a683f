package e2e

import "sglang-tpu/emulator/internal/review"

const (
	pool       = "gcp:container/nodePool:NodePool"
	gkeCluster = "gcp:container/cluster:Cluster"
	firewalls  = "gcp:compute/firewall:Firewall"
)

func onSlice(path string, value any) []set   { return []set{{pool, "slice-0", path, value}} }
func onCluster(path string, value any) []set { return []set{{gkeCluster, "cluster", path, value}} }

const nodesRecreated = "in place, but GKE recreates all nodes of the slice at once, without a spare node: its group stops serving; its 8 chips are released and have to be obtained again"

// ofTheTable are changes of one property each, chosen from the provider's schema.
var ofTheTable = []recorded{
	// In place, but the slice is rebuilt.
	{
		name: "machine type of a slice", sets: onSlice("nodeConfig.machineType", "tpu7x-standard-1t"), class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 changes: `machineType` changes from `tpu7x-standard-4t` to `tpu7x-standard-1t`; " + nodesRecreated},
	},
	{
		name: "disk size of a slice", sets: onSlice("nodeConfig.diskSizeGb", 300), class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 changes: `diskSizeGb` changes from `200` to `300`; " + nodesRecreated},
	},
	{
		name: "disk type of a slice", sets: onSlice("nodeConfig.diskType", "hyperdisk-balanced-high-availability"), class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 changes: `diskType` changes from", nodesRecreated},
	},
	{
		name: "image of a slice", sets: onSlice("nodeConfig.imageType", "UBUNTU_CONTAINERD"), class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 changes: `imageType` changes from `COS_CONTAINERD` to `UBUNTU_CONTAINERD`; " + nodesRecreated},
	},
	{
		name: "image streaming of a slice", sets: onSlice("nodeConfig.gcfsConfig.enabled", false), class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 changes: `gcfsConfig.enabled` changes from `true` to `false`; " + nodesRecreated},
	},

	// In place, and the endpoint keeps serving.
	{
		name: "tags of a slice", sets: onSlice("nodeConfig.tags", []string{"other"}), class: review.None, chips: kept,
		says: []string{"TPU slice 0 changes: `tags[0]` changes from", "GKE changes the nodes without restarting them"},
	},
	{
		name: "auto-repair of a slice", sets: onSlice("management.autoRepair", false), class: review.None, chips: kept,
		says: []string{"TPU slice 0 changes: `management.autoRepair` changes from `true` to `false`; in place"},
	},
	{
		name: "a subnet range that grows", settings: flags(`network={"nodes":"10.0.0.0/18"}`), class: review.None, chips: kept,
		says: []string{"Subnetwork network-subnet changes: `ipCidrRange` changes from `10.0.0.0/20` to `10.0.0.0/18`; the range grows in place"},
	},
	{
		name: "who may pass a firewall", sets: []set{{firewalls, "network-webhooks", "sourceRanges", []string{"172.16.0.0/24"}}}, class: review.None, chips: kept,
		says: []string{"Firewall network-webhooks changes: `sourceRanges[0]` changes from `172.16.0.0/28` to `172.16.0.0/24`; the rule about who may reach the nodes changes"},
	},
	{
		name: "class of the bucket", sets: []set{{"gcp:storage/bucket:Bucket", "cache", "storageClass", "NEARLINE"}}, class: review.None, chips: kept,
		says: []string{"The bucket cache changes: `storageClass` is set to `NEARLINE`"},
	},
	{
		name: "private endpoint", sets: onCluster("privateClusterConfig.enablePrivateEndpoint", false), class: review.None, chips: kept,
		says: []string{"The GKE cluster changes: `privateClusterConfig.enablePrivateEndpoint` changes from `true` to `false`; the control plane changes in place"},
	},

	// Neither replaced nor updated.
	{
		name: "placement type of a slice", sets: onSlice("placementPolicy.type", "COMPACT"), class: review.None, chips: kept,
		says: []string{"TPU slice 0 changes: `placementPolicy.type` is set to `COMPACT`; the provider neither replaces nor updates the node pool"},
	},
	{
		name: "topology of a slice without its policy", sets: onSlice("placementPolicy.tpuTopology", "2x2x4"), class: review.None, chips: kept,
		says: []string{"TPU slice 0 changes: `placementPolicy.tpuTopology` changes from `2x2x2` to `2x2x4`; the provider neither replaces nor updates the node pool"},
	},

	// Replaced.
	{
		name: "scopes of a slice", sets: onSlice("nodeConfig.oauthScopes", []string{"https://www.googleapis.com/auth/devstorage.read_only"}), class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 is replaced: `oauthScopes[0]` changes from"},
	},
	{
		name: "secure boot of a slice", sets: onSlice("nodeConfig.shieldedInstanceConfig.enableSecureBoot", false), class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 is replaced: `shieldedInstanceConfig.enableSecureBoot` changes from `true` to `false`; its group stops serving"},
	},
	{
		name: "metadata of a slice", sets: onSlice("nodeConfig.metadata", map[string]string{"disable-legacy-endpoints": "true", "team": "ml"}), class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"TPU slice 0 is replaced: `metadata.team` is set to `ml`; its group stops serving"},
	},
	{
		name: "name of a workload policy", sets: []set{{"gcp:compute/resourcePolicy:ResourcePolicy", "slice-0-policy", "name", "other"}}, class: review.SliceRebuild, chips: interrupted(8, 8, 8),
		says: []string{"The workload policy of TPU slice 0 is replaced: `name` changes from", "TPU slice 0 is replaced: `placementPolicy.policyName`"},
	},
	{
		name: "private nodes", sets: onCluster("privateClusterConfig.enablePrivateNodes", false), class: review.ClusterRebuild, deletion: true, chips: interrupted(8, 8, 8),
		says: []string{"The GKE cluster is replaced: `privateClusterConfig.enablePrivateNodes` changes from `true` to `false`"},
	},
	{
		name: "client certificate", sets: onCluster("masterAuth.clientCertificateConfig.issueClientCertificate", true), class: review.ClusterRebuild, deletion: true, chips: interrupted(8, 8, 8),
		says: []string{"The GKE cluster is replaced: `masterAuth.clientCertificateConfig.issueClientCertificate` changes from `false` to `true`"},
	},
	{
		name: "direction of a firewall", sets: []set{{firewalls, "network-webhooks", "direction", "EGRESS"}}, class: review.None, chips: kept,
		says: []string{"Firewall network-webhooks is replaced: `direction` changes from `INGRESS` to `EGRESS`; without it the traffic that it allows is blocked"},
	},
	{
		name: "location of the bucket", sets: []set{{"gcp:storage/bucket:Bucket", "cache", "location", "EUROPE-WEST4"}}, class: review.None, deletion: true, chips: kept,
		says: []string{"The bucket cache is replaced: `location` changes from `us-central1` to `EUROPE-WEST4`; downloaded weights and compiled code are deleted with it"},
	},

	// Ignored, by the program or by the provider.
	{name: "the default pool's account, ignored", sets: onCluster("nodeConfig.serviceAccount", "other@p"), class: review.None, chips: kept},
	{name: "the default pool's size, ignored", sets: onCluster("initialNodeCount", 3), class: review.None, chips: kept},
	{name: "kubelet settings of a slice, ignored", sets: onSlice("nodeConfig.kubeletConfig", map[string]string{"cpuManagerPolicy": "static"}), class: review.None, chips: kept},
	{name: "threads of a slice, ignored", sets: onSlice("nodeConfig.advancedMachineFeatures", map[string]int{"threadsPerCore": 2}), class: review.None, chips: kept},
	{name: "add-ons that are not named stay", sets: onCluster("addonsConfig", nil), class: review.None, chips: kept},
	{name: "a bucket's location in capitals", sets: []set{{"gcp:storage/bucket:Bucket", "cache", "location", "US-CENTRAL1"}}, class: review.None, chips: kept},
	{name: "a default that is said", sets: onSlice("upgradeSettings.strategy", "SURGE"), class: review.None, chips: kept},
}
