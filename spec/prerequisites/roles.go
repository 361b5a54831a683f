package prerequisites

import (
	"slices"
	"strings"
)

// Grant is a permission and the predefined role that contains it. Roles are those of
// https://cloud.google.com/iam/docs/roles-permissions; which permission each has was
// compared with Google's lists as of 2026-08-22, and tried on no project.
type Grant struct {
	Permission string
	Role       string
}

// Need is the permissions that one type of resource requires of the accounts that deploy
// and preview it.
type Need struct {
	Type    string // Pulumi's type token; AllKubernetes for all types of Kubernetes
	Deploy  []Grant
	Preview []Grant
	Note    string // when it is needed, or what it does not cover; empty: always needed
}

// secretIAM is a type that only some stacks contain.
const secretIAM = "gcp:secretmanager/secretIamMember:SecretIamMember"

// AllKubernetes stands for every type of the Kubernetes provider.
const AllKubernetes = "kubernetes:*"

// Predefined roles that several types need.
const (
	artifactRegistryAdmin = "roles/artifactregistry.admin"
	computeNetworkAdmin   = "roles/compute.networkAdmin"
	computeViewer         = "roles/compute.viewer"
	containerAdmin        = "roles/container.admin"
	containerViewer       = "roles/container.viewer"
	securityReviewer      = "roles/iam.securityReviewer"
	serviceAccountAdmin   = "roles/iam.serviceAccountAdmin"
	storageAdmin          = "roles/storage.admin"
)

// Needs lists every type of resource that the program registers, in the order of their
// tokens.
var Needs = []Need{
	{
		Type:    "gcp:artifactregistry/repository:Repository",
		Deploy:  []Grant{{"artifactregistry.repositories.create", artifactRegistryAdmin}},
		Preview: []Grant{{"artifactregistry.repositories.get", "roles/artifactregistry.reader"}},
	},
	{
		Type:    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
		Deploy:  []Grant{{"artifactregistry.repositories.setIamPolicy", artifactRegistryAdmin}},
		Preview: []Grant{{"artifactregistry.repositories.getIamPolicy", securityReviewer}},
	},
	{
		Type:    "gcp:compute/firewall:Firewall",
		Deploy:  []Grant{{"compute.firewalls.create", "roles/compute.securityAdmin"}},
		Preview: []Grant{{"compute.firewalls.get", computeViewer}},
	},
	{
		Type:    "gcp:compute/network:Network",
		Deploy:  []Grant{{"compute.networks.create", computeNetworkAdmin}},
		Preview: []Grant{{"compute.networks.get", computeViewer}},
	},
	{
		Type:    "gcp:compute/resourcePolicy:ResourcePolicy",
		Deploy:  []Grant{{"compute.resourcePolicies.create", "roles/compute.instanceAdmin.v1"}},
		Preview: []Grant{{"compute.resourcePolicies.get", computeViewer}},
	},
	{
		Type:    "gcp:compute/router:Router",
		Deploy:  []Grant{{"compute.routers.create", computeNetworkAdmin}},
		Preview: []Grant{{"compute.routers.get", computeViewer}},
	},
	{
		Type:    "gcp:compute/routerNat:RouterNat",
		Deploy:  []Grant{{"compute.routers.update", computeNetworkAdmin}},
		Preview: []Grant{{"compute.routers.get", computeViewer}},
	},
	{
		Type:    "gcp:compute/subnetwork:Subnetwork",
		Deploy:  []Grant{{"compute.subnetworks.create", computeNetworkAdmin}},
		Preview: []Grant{{"compute.subnetworks.get", computeViewer}},
	},
	{
		Type:    "gcp:container/cluster:Cluster",
		Deploy:  []Grant{{"container.clusters.create", containerAdmin}},
		Preview: []Grant{{"container.clusters.get", containerViewer}},
	},
	{
		Type: "gcp:container/nodePool:NodePool",
		// GKE asks for actAs because the nodes run as a service account
		// (https://cloud.google.com/kubernetes-engine/docs/how-to/service-accounts).
		Deploy:  []Grant{{"container.clusters.update", containerAdmin}, {"iam.serviceAccounts.actAs", "roles/iam.serviceAccountUser"}},
		Preview: []Grant{{"container.clusters.get", containerViewer}},
	},
	{
		Type:    "gcp:monitoring/alertPolicy:AlertPolicy",
		Deploy:  []Grant{{"monitoring.alertPolicies.create", "roles/monitoring.editor"}},
		Preview: []Grant{{"monitoring.alertPolicies.get", "roles/monitoring.viewer"}},
		Note:    "not with `monitoring.enabled: false`",
	},
	{
		Type:    "gcp:monitoring/dashboard:Dashboard",
		Deploy:  []Grant{{"monitoring.dashboards.create", "roles/monitoring.editor"}},
		Preview: []Grant{{"monitoring.dashboards.get", "roles/monitoring.viewer"}},
		Note:    "not with `monitoring.enabled: false`",
	},
	{
		Type:    "gcp:projects/iAMMember:IAMMember",
		Deploy:  []Grant{{"resourcemanager.projects.setIamPolicy", "roles/resourcemanager.projectIamAdmin"}},
		Preview: []Grant{{"resourcemanager.projects.getIamPolicy", securityReviewer}},
	},
	{
		Type:    "gcp:projects/service:Service",
		Deploy:  []Grant{{"serviceusage.services.enable", "roles/serviceusage.serviceUsageAdmin"}},
		Preview: []Grant{{"serviceusage.services.list", "roles/serviceusage.serviceUsageViewer"}},
	},
	{
		Type:    secretIAM,
		Deploy:  []Grant{{"secretmanager.secrets.setIamPolicy", "roles/secretmanager.admin"}},
		Preview: []Grant{{"secretmanager.secrets.getIamPolicy", securityReviewer}},
		Note:    "only with `hfTokenSecret`, and on the project of that secret",
	},
	{
		Type:    "gcp:serviceaccount/account:Account",
		Deploy:  []Grant{{"iam.serviceAccounts.create", serviceAccountAdmin}},
		Preview: []Grant{{"iam.serviceAccounts.get", securityReviewer}},
	},
	{
		Type:    "gcp:serviceaccount/iAMMember:IAMMember",
		Deploy:  []Grant{{"iam.serviceAccounts.setIamPolicy", serviceAccountAdmin}},
		Preview: []Grant{{"iam.serviceAccounts.getIamPolicy", securityReviewer}},
	},
	{
		Type:    "gcp:storage/bucket:Bucket",
		Deploy:  []Grant{{"storage.buckets.create", storageAdmin}},
		Preview: []Grant{{"storage.buckets.get", "roles/storage.bucketViewer"}},
	},
	{
		Type:    "gcp:storage/bucketIAMMember:BucketIAMMember",
		Deploy:  []Grant{{"storage.buckets.setIamPolicy", storageAdmin}},
		Preview: []Grant{{"storage.buckets.getIamPolicy", securityReviewer}},
	},
	{
		Type:    AllKubernetes,
		Deploy:  []Grant{{"container.pods.create", containerAdmin}},
		Preview: []Grant{{"container.pods.get", containerViewer}},
		Note:    "`container.viewer` does not read Secrets",
	},
}

// DeployGrants returns the permissions that are needed to deploy any stack, without
// duplicates, in the order of their roles.
func DeployGrants() []Grant {
	var grants []Grant
	for _, need := range Needs {
		if need.Type == secretIAM {
			continue
		}
		for _, grant := range need.Deploy {
			if !slices.Contains(grants, grant) {
				grants = append(grants, grant)
			}
		}
	}
	slices.SortStableFunc(grants, func(a, b Grant) int { return strings.Compare(a.Role, b.Role) })
	return grants
}

// API is one of Google's services.
type API struct {
	Name     string   // the name by which it is enabled
	Title    string   // its name in Google's errors
	Types    []string // prefixes of the type tokens of the resources that it creates
	Optional bool     // whether only some stacks call it
}

// APIs are the services that stacks call. Service Usage, which enables the others, is
// already enabled in every project that was created in the console or by gcloud. Secret
// Manager is enabled in every project that has a secret.
var APIs = []API{
	{Name: "artifactregistry.googleapis.com", Title: "Artifact Registry API", Types: []string{"gcp:artifactregistry/"}},
	{Name: "cloudresourcemanager.googleapis.com", Title: "Cloud Resource Manager API", Types: []string{"gcp:projects/iAMMember:IAMMember"}},
	{Name: "compute.googleapis.com", Title: "Compute Engine API", Types: []string{"gcp:compute/"}},
	{Name: "container.googleapis.com", Title: "Kubernetes Engine API", Types: []string{"gcp:container/"}},
	ImageStreaming,
	{Name: "iam.googleapis.com", Title: "Identity and Access Management (IAM) API", Types: []string{"gcp:serviceaccount/"}},
	{Name: "monitoring.googleapis.com", Title: "Cloud Monitoring API", Types: []string{"gcp:monitoring/"}, Optional: true},
	{Name: "storage.googleapis.com", Title: "Cloud Storage API", Types: []string{"gcp:storage/"}},
}

// ImageStreaming is the API of image streaming, which all node pools use: "You must enable
// the Container File System API" (GKE documentation, Use image streaming, Requirements).
var ImageStreaming = API{Name: "containerfilesystem.googleapis.com", Title: "Container File System API"}

// CommonAPIs returns the names of the APIs that every stack calls and enables.
func CommonAPIs() []string {
	var names []string
	for _, api := range APIs {
		if !api.Optional {
			names = append(names, api.Name)
		}
	}
	return names
}
