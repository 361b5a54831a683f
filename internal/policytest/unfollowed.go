package policytest

// Rules returns all rules that the stack follows.
func Rules() []*Rule {
	var rules []*Rule
	for _, list := range [][]Rule{cloudRules, kubernetesRules} {
		for i := range list {
			rules = append(rules, &list[i])
		}
	}
	return rules
}

// NotFollowed are the other rules of the same sources about the stack's types of resources.
var NotFollowed = []Unfollowed{
	{
		[]string{"CIS 3.1.1", "CIS 3.1.2", "CIS 3.1.3", "CIS 3.1.4"},
		"who may read and write the kubelet's files",
		"GKE's node image determines it",
	},
	{
		[]string{"CIS 4.1.1", "CIS 4.1.2", "CIS 4.1.3", "CIS 4.1.6", "CIS 4.1.7"},
		"who is bound to which Kubernetes role",
		"the stack makes no Role and no binding of its own; those of the LeaderWorkerSet chart are the chart's, and its controller may change Secrets to keep its certificate",
	},
	{
		[]string{"CIS 4.4.2"},
		"external secret storage",
		"hfTokenSecret provides it for the Hugging Face token; by default there is no token, and the API key has to be where clients in the cluster find it",
	},
	{
		[]string{"CIS 5.1.1"},
		"image vulnerability scanning",
		"it is one setting for all repositories of the project, and costs money for each image; the project's owner decides, and the repository inherits it",
	},
	{
		[]string{"CIS 5.3.1"},
		"cluster secrets encrypted with a key of Cloud KMS",
		"Google encrypts etcd in any case; a key needs a key ring and a grant that outlive the cluster. To follow the rule, set gke.secretsKey",
	},
	{
		[]string{"CIS 5.6.7"},
		"Google-managed certificates for load balancers",
		"there is no load balancer: the endpoint is a ClusterIP",
	},
	{
		[]string{"CIS 5.7.2"},
		"Linux auditd logging",
		"Google's solution is a privileged DaemonSet on every node, which the rules above forbid",
	},
	{
		[]string{"CIS 5.8.2", "CKV_GCP_65"},
		"RBAC users by Google Groups",
		"it needs a group gke-security-groups@DOMAIN, which only a Workspace administrator can make; the stack binds no role to a person",
	},
	{
		[]string{"CIS 5.9.1", "CIS 5.9.2", "CKV_GCP_84", "GCP-0034", "GCP-0066"},
		"disks, images and buckets encrypted with customer-managed keys",
		"they hold public weights and code compiled from them; Google encrypts them in any case",
	},
	{
		[]string{"CKV_GCP_62", "CKV_GCP_78", "GCP-0077", "GCP-0078"},
		"access logs and versions of the bucket's objects",
		"everything in it can be fetched or compiled again, and a second copy of weights costs what the first one does; data access logs of the project record who reads",
	},
	{
		[]string{"CIS 5.10.1"},
		"Kubernetes web UI disabled",
		"GKE has no such add-on any more",
	},
	{
		[]string{"CIS 5.10.3"},
		"GKE Sandbox for untrusted workloads",
		"gVisor does not support the image build's user namespaces, and is not documented to support tpu7x; the only workload is the image that the configuration names",
	},
	{
		[]string{"CKV_GCP_66", "CIS 4.5.1"},
		"Binary Authorization",
		"there is one policy for all clusters of a project, and it must list the images of this stack first; turn it on if you have such a policy",
	},
	{
		[]string{"CKV_GCP_12"},
		"the network-policy add-on's block is there",
		"Dataplane V2 enforces NetworkPolicies itself, and GKE refuses the add-on beside it; trivy's GCP-0056 accepts that, and the stack follows it",
	},
	{
		[]string{"CKV_GCP_24"},
		"PodSecurityPolicy",
		"gone from Kubernetes since 1.25; Pod Security labels are there instead",
	},
	{
		[]string{"CKV_K8S_15"},
		"images are always pulled",
		"tags in the repository are immutable, and each restart would pull gigabytes",
	},
	{
		[]string{"CKV_K8S_43"},
		"images by digest",
		"the digest of an image that the stack builds is not known at preview, so the tag is a hash of its inputs in a repository of immutable tags; image.reference takes a digest",
	},
	{
		[]string{"CKV_K8S_23", "CKV_K8S_40", "KSV-0012", "KSV-0020", "KSV-0021", "KSV-0116"},
		"containers run as a user other than root, with a high ID",
		"the device files of TPUs belong to root, and GKE is not documented to give them to another user; so the server is root without capabilities, and its namespace baseline instead of restricted. The image build runs as user 1000, for which its image is made",
	},
	{
		[]string{"KSV-0125"},
		"images from a list of trusted registries",
		"a cluster's admission policy has to define these registries",
	},
}
