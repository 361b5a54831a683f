package policytest

import "strings"

// cloudRules are the rules for Google Cloud resources. Fields are those of the Pulumi provider.
var cloudRules = []Rule{
	// Access to the control plane.
	{
		IDs: []string{"CIS 5.6.5", "CKV_GCP_25", "CKV_GCP_64", "GCP-0059"}, Title: "nodes have no public addresses",
		Of: Cluster, Field: "privateClusterConfig.enablePrivateNodes", Holds: is(true), Breaks: []any{false, Absent},
	},
	{
		IDs: []string{"CIS 5.6.4"}, Title: "the control plane has no public address unless networks are authorized for it",
		Of: Cluster, Field: "privateClusterConfig.enablePrivateEndpoint", Holds: is(true), Breaks: []any{false, Absent},
	},
	{
		IDs: []string{"CIS 5.6.3", "CKV_GCP_20", "GCP-0061"}, Title: "authorized networks are on; without the block, every address may connect",
		Of: Cluster, Field: "masterAuthorizedNetworksConfig", Holds: given, Breaks: []any{Absent},
	},
	{
		IDs: []string{"CKV_GCP_18", "GCP-0053"}, Title: "no authorized network is the whole internet",
		Of: Cluster, Field: "masterAuthorizedNetworksConfig.cidrBlocks", Holds: each(field("cidrBlock", narrow)),
		Breaks: []any{[]any{map[string]any{"cidrBlock": "0.0.0.0/0"}}, []any{map[string]any{"cidrBlock": "::/0"}}},
	},
	{
		IDs: []string{"CIS 5.6.3"}, Title: "addresses of Google Cloud's other customers are not authorized",
		Of: Cluster, Field: "masterAuthorizedNetworksConfig.gcpPublicCidrsAccessEnabled", Holds: isNot(true), Breaks: []any{true},
	},
	{
		IDs: []string{"CIS 5.8.1", "CKV_GCP_13", "GCP-0064"}, Title: "no client certificate is issued",
		Of: Cluster, Field: "masterAuth.clientCertificateConfig.issueClientCertificate", Holds: is(false), Breaks: []any{true, Absent},
	},
	{
		IDs: []string{"CIS 5.8.3", "CKV_GCP_7", "GCP-0062"}, Title: "legacy authorization is off",
		Of: Cluster, Field: "enableLegacyAbac", Holds: isNot(true), Breaks: []any{true},
	},
	{
		IDs: []string{"CIS 4.1.8", "CIS 4.1.9", "KSV-0122"}, Title: "nothing can be bound to system:anonymous or system:unauthenticated",
		Of: Cluster, Field: "rbacBindingConfig.enableInsecureBindingSystemUnauthenticated", Holds: is(false), Breaks: []any{true, Absent},
	},
	{
		IDs: []string{"CIS 4.1.10", "KSV-01011"}, Title: "nothing can be bound to system:authenticated, which is everybody with a Google account",
		Of: Cluster, Field: "rbacBindingConfig.enableInsecureBindingSystemAuthenticated", Holds: is(false), Breaks: []any{true, Absent},
	},

	// The cluster.
	{
		IDs: []string{"CIS 5.2.2"}, Title: "Workload Identity gives pods identities of their own",
		Of: Cluster, Field: "workloadIdentityConfig.workloadPool", Holds: suffix(".svc.id.goog"), Breaks: []any{"", Absent},
	},
	{
		IDs: []string{"CIS 4.3.1", "GCP-0056"}, Title: "Dataplane V2 enforces NetworkPolicies",
		Of: Cluster, Field: "datapathProvider", Holds: is("ADVANCED_DATAPATH"), Breaks: []any{"LEGACY_DATAPATH", Absent},
	},
	{
		IDs: []string{"CIS 5.6.2"}, Title: "VPC-native",
		Of: Cluster, Field: "networkingMode", Holds: is("VPC_NATIVE"), Breaks: []any{"ROUTES", Absent},
	},
	{
		IDs: []string{"CKV_GCP_23", "GCP-0049"}, Title: "pods and services have alias ranges",
		Of: Cluster, Field: "ipAllocationPolicy", Holds: set, Breaks: []any{Absent},
	},
	{
		IDs: []string{"CIS 5.6.1", "CKV_GCP_61"}, Title: "traffic between pods of one node is visible",
		Of: Cluster, Field: "enableIntranodeVisibility", Holds: is(true), Breaks: []any{false, Absent},
	},
	{
		IDs: []string{"CIS 5.5.5", "CKV_GCP_71", "GCP-0055"}, Title: "shielded nodes",
		Of: Cluster, Field: "enableShieldedNodes", Holds: is(true), Breaks: []any{false, Absent},
	},
	{
		IDs: []string{"CIS 5.5.4", "CKV_GCP_70"}, Title: "a release channel patches the control plane",
		Of: Cluster, Field: "releaseChannel.channel", Holds: in("RAPID", "REGULAR", "STABLE"), Breaks: []any{"UNSPECIFIED", Absent},
	},
	{
		IDs: []string{"CIS 5.10.2"}, Title: "no alpha features",
		Of: Cluster, Field: "enableKubernetesAlpha", Holds: isNot(true), Breaks: []any{true},
	},
	{
		IDs: []string{"CIS 5.10.4"}, Title: "security posture is on",
		Of: Cluster, Field: "securityPostureConfig.mode", Holds: in("BASIC", "ENTERPRISE"), Breaks: []any{"DISABLED", Absent},
	},
	{
		IDs: []string{"CIS 5.7.1", "CKV_GCP_1", "GCP-0060"}, Title: "the system's logs are kept",
		Of: Cluster, Field: "loggingConfig.enableComponents", Holds: lists("SYSTEM_COMPONENTS"), Breaks: []any{[]any{}, Absent},
	},
	{
		IDs: []string{"CIS 5.7.1", "CKV_GCP_8", "GCP-0052"}, Title: "the system is monitored",
		Of: Cluster, Field: "monitoringConfig.enableComponents", Holds: lists("SYSTEM_COMPONENTS"), Breaks: []any{[]any{}, Absent},
	},
	{
		IDs: []string{"CKV_GCP_21", "GCP-0051"}, Title: "the cluster carries labels",
		Of: Cluster, Field: "resourceLabels", Holds: set, Breaks: []any{map[string]any{}, Absent},
	},
	{
		IDs: []string{"CKV_GCP_123"}, Title: "nodes are in pools of their own; the default one is gone",
		Of: Cluster, Field: "removeDefaultNodePool", Holds: is(true), Breaks: []any{false, Absent},
	},
	{
		IDs: []string{"CKV_K8S_141", "KCV-0082"}, Title: "the kubelets' read-only port, which needs no authentication, is closed",
		Of: Cluster, Field: "nodePoolDefaults.nodeConfigDefaults.insecureKubeletReadonlyPortEnabled", Holds: is("FALSE"), Breaks: []any{"TRUE", Absent},
	},

	// Nodes.
	{
		IDs: []string{"CIS 5.2.1", "GCP-0050"}, Title: "nodes have a service account of their own",
		Of: NodePool, Field: "nodeConfig.serviceAccount", Holds: all(set, isNot("default")), Breaks: []any{"default", "", Absent},
	},
	{
		IDs: []string{"CIS 5.4.1", "CKV_GCP_69", "GCP-0057"}, Title: "pods see GKE's metadata server, not the machine's",
		Of: NodePool, Field: "nodeConfig.workloadMetadataConfig.mode", Holds: is("GKE_METADATA"), Breaks: []any{"GCE_METADATA", Absent},
	},
	{
		IDs: []string{"GCP-0048"}, Title: "legacy metadata endpoints are off",
		Of: NodePool, Field: `nodeConfig.metadata["disable-legacy-endpoints"]`, Holds: is("true"), Breaks: []any{"false", Absent},
	},
	{
		IDs: []string{"CIS 5.5.1", "CKV_GCP_22", "GCP-0054"}, Title: "Container-Optimized OS with containerd",
		Of: NodePool, Field: "nodeConfig.imageType", Holds: is("COS_CONTAINERD"), Breaks: []any{"UBUNTU_CONTAINERD", Absent},
	},
	{
		IDs: []string{"CIS 5.5.2", "CKV_GCP_9", "GCP-0063"}, Title: "broken nodes are repaired",
		Of: NodePool, Field: "management.autoRepair", Holds: is(true), Breaks: []any{false, Absent},
	},
	{
		IDs: []string{"CIS 5.5.3", "CKV_GCP_10", "GCP-0058"}, Title: "nodes are patched",
		Of: NodePool, Field: "management.autoUpgrade", Holds: is(true), Breaks: []any{false, Absent},
	},
	{
		IDs: []string{"CIS 5.5.6", "CKV_GCP_72"}, Title: "integrity monitoring of nodes",
		Of: NodePool, Field: "nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring", Holds: is(true), Breaks: []any{false, Absent},
	},
	{
		IDs: []string{"CIS 5.5.7", "CKV_GCP_68"}, Title: "nodes boot signed code only",
		Of: NodePool, Field: "nodeConfig.shieldedInstanceConfig.enableSecureBoot", Holds: is(true), Breaks: []any{false, Absent},
	},

	// Network.
	{
		IDs: []string{"CIS 5.6.1", "CKV_GCP_26", "GCP-0029", "GCP-0076"}, Title: "flow logs of the subnet",
		Of: Subnetwork, Field: "logConfig", Holds: set, Breaks: []any{Absent},
	},
	{
		IDs: []string{"CKV_GCP_74", "GCP-0075"}, Title: "nodes reach Google's APIs without the internet",
		Of: Subnetwork, Field: "privateIpGoogleAccess", Holds: is(true), Breaks: []any{false, Absent},
	},
	{
		IDs: []string{
			"CIS 5.6.6", "GCP-0027", "GCP-0070", "GCP-0071",
			"CKV_GCP_2", "CKV_GCP_3", "CKV_GCP_75", "CKV_GCP_77", "CKV_GCP_88", "CKV_GCP_106",
		}, Title: "no firewall rule lets the internet in",
		Of: Firewall, Field: "sourceRanges", Holds: all(set, each(narrow)), Breaks: []any{[]any{"0.0.0.0/0"}, []any{"::/0"}, Absent},
	},
	{
		IDs: []string{"GCP-0072"}, Title: "a firewall rule names its ports",
		Of: Firewall, Field: "allows", Holds: each(all(field("ports", set), field("protocol", isNot("all")))),
		Breaks: []any{[]any{map[string]any{"protocol": "tcp"}}, []any{map[string]any{"protocol": "all"}}},
	},
	{
		IDs: []string{"GCP-0074"}, Title: "a firewall rule opens no range of ports",
		Of: Firewall, Field: "allows", Holds: each(field("ports", each(text(func(s string) bool { return !strings.Contains(s, "-") })))),
		Breaks: []any{[]any{map[string]any{"protocol": "tcp", "ports": []any{"1024-65535"}}}},
	},

	// Images.
	{
		IDs: []string{"CIS 5.1.4"}, Title: "a tag always means the same image",
		Of: Repository, Field: "dockerConfig.immutableTags", Holds: is(true), Breaks: []any{false, Absent},
		Except: map[string]string{"registry-layers": "it contains the builds' cached layers, whose only tag is updated by each build; no pod runs them"},
	},
	{
		IDs: []string{"CKV_GCP_101"}, Title: "images are not public",
		Of: RepositoryIAM, Field: "member", Holds: private, Breaks: []any{"allUsers", "allAuthenticatedUsers"},
	},
	{
		IDs: []string{"CIS 5.1.2"}, Title: "roles on images allow reading or writing, never administration",
		Of: RepositoryIAM, Field: "role", Holds: in("roles/artifactregistry.reader", "roles/artifactregistry.writer"),
		Breaks: []any{"roles/artifactregistry.admin", "roles/artifactregistry.repoAdmin", Absent},
	},
	{
		IDs: []string{"CIS 5.1.3"}, Title: "nodes read images and do not write them",
		Of: NodeImages, Field: "role", Holds: isNot("roles/artifactregistry.writer"), Breaks: []any{"roles/artifactregistry.writer"},
	},

	// The bucket of weights and compiled code.
	{
		IDs: []string{"CKV_GCP_29", "GCP-0002"}, Title: "the bucket's policy decides, not each object's",
		Of: Bucket, Field: "uniformBucketLevelAccess", Holds: is(true), Breaks: []any{false, Absent},
	},
	{
		IDs: []string{"CKV_GCP_114"}, Title: "the bucket cannot be made public",
		Of: Bucket, Field: "publicAccessPrevention", Holds: is("enforced"), Breaks: []any{"inherited", Absent},
	},
	{
		IDs: []string{"CKV_GCP_28", "GCP-0001"}, Title: "the bucket is not public",
		Of: BucketIAM, Field: "member", Holds: private, Breaks: []any{"allUsers", "allAuthenticatedUsers"},
	},

	// Identities.
	{
		IDs: []string{"CKV_GCP_42", "GCP-0007"}, Title: "no service account administers the project",
		Of: ProjectIAM, Field: "role", Holds: text(modest),
		Breaks: []any{"roles/owner", "roles/editor", "roles/storage.admin", "roles/container.admin", "roles/compute.networkAdmin"},
	},
	{
		IDs: []string{"CKV_GCP_41", "GCP-0011"}, Title: "no role allows acting as every service account of the project",
		Of: ProjectIAM, Field: "role", Holds: isNot("roles/iam.serviceAccountUser", "roles/iam.serviceAccountTokenCreator"),
		Breaks: []any{"roles/iam.serviceAccountUser", "roles/iam.serviceAccountTokenCreator"},
	},
	{
		IDs: []string{"CKV_GCP_46", "GCP-0006"}, Title: "the default service accounts get no role",
		Of: ProjectIAM, Field: "member", Holds: text(func(s string) bool {
			return !strings.HasSuffix(s, "-compute@developer.gserviceaccount.com") && !strings.HasSuffix(s, "@appspot.gserviceaccount.com")
		}),
		Breaks: []any{"serviceAccount:123456789012-compute@developer.gserviceaccount.com", "serviceAccount:p@appspot.gserviceaccount.com"},
	},
	{
		IDs: []string{"GCP-0003", "GCP-0069"}, Title: "no role goes to a person",
		Of: ProjectIAM, Field: "member", Holds: text(func(s string) bool { return !strings.HasPrefix(s, "user:") }),
		Breaks: []any{"user:somebody@example.com"},
	},
	{
		IDs: []string{"CIS 5.2.2"}, Title: "only Kubernetes service accounts may use the service accounts",
		Of: AccountIAM, Field: "member", Holds: text(func(s string) bool { return strings.Contains(s, ".svc.id.goog[") }),
		Breaks: []any{"allUsers", "serviceAccount:other@p.iam.gserviceaccount.com"},
	},
}

// modest holds for roles other than owner, editor and admin.
func modest(role string) bool {
	return role != "roles/owner" && role != "roles/editor" && !strings.Contains(strings.ToLower(role), "admin")
}
