package prerequisites

import (
	"slices"
	"strings"
)

// Grant is a permission and the predefined role that contains it. Roles are those of
// https://cloud.google.com/iam/docs/roles-permissions. Their permissions were compared with
// Google's lists as of 2026-08-22, but were not tried on a project.
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

// need is what a type requires whose resources are written and read with permissions on one
// kind of resource of Google's.
func need(token, kind, write, deployer, read, viewer string) Need {
	return Need{Type: token, Deploy: []Grant{{kind + "." + write, deployer}}, Preview: []Grant{{kind + "." + read, viewer}}}
}

func (n Need) when(note string) Need {
	n.Note = note
	return n
}

// Needs lists every type of resource that the program registers, in the order of their
// tokens.
var Needs = []Need{
	need("gcp:artifactregistry/repository:Repository", "artifactregistry.repositories", "create", artifactRegistryAdmin, "get", "roles/artifactregistry.reader"),
	need("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "artifactregistry.repositories", "setIamPolicy", artifactRegistryAdmin, "getIamPolicy", securityReviewer),
	need("gcp:compute/firewall:Firewall", "compute.firewalls", "create", "roles/compute.securityAdmin", "get", computeViewer),
	need("gcp:compute/network:Network", "compute.networks", "create", computeNetworkAdmin, "get", computeViewer),
	need("gcp:compute/resourcePolicy:ResourcePolicy", "compute.resourcePolicies", "create", "roles/compute.instanceAdmin.v1", "get", computeViewer),
	need("gcp:compute/router:Router", "compute.routers", "create", computeNetworkAdmin, "get", computeViewer),
	need("gcp:compute/routerNat:RouterNat", "compute.routers", "update", computeNetworkAdmin, "get", computeViewer),
	need("gcp:compute/subnetwork:Subnetwork", "compute.subnetworks", "create", computeNetworkAdmin, "get", computeViewer),
	need("gcp:container/cluster:Cluster", "container.clusters", "create", containerAdmin, "get", containerViewer),
	{
		Type: "gcp:container/nodePool:NodePool",
		// GKE asks for actAs because the nodes run as a service account
		// (https://cloud.google.com/kubernetes-engine/docs/how-to/service-accounts).
		Deploy:  []Grant{{"container.clusters.update", containerAdmin}, {"iam.serviceAccounts.actAs", "roles/iam.serviceAccountUser"}},
		Preview: []Grant{{"container.clusters.get", containerViewer}},
	},
	need("gcp:monitoring/alertPolicy:AlertPolicy", "monitoring.alertPolicies", "create", "roles/monitoring.editor", "get", "roles/monitoring.viewer").when("not with `monitoring.enabled: false`"),
	need("gcp:monitoring/dashboard:Dashboard", "monitoring.dashboards", "create", "roles/monitoring.editor", "get", "roles/monitoring.viewer").when("not with `monitoring.enabled: false`"),
	need("gcp:projects/iAMMember:IAMMember", "resourcemanager.projects", "setIamPolicy", "roles/resourcemanager.projectIamAdmin", "getIamPolicy", securityReviewer),
	need("gcp:projects/service:Service", "serviceusage.services", "enable", "roles/serviceusage.serviceUsageAdmin", "list", "roles/serviceusage.serviceUsageViewer"),
	need(secretIAM, "secretmanager.secrets", "setIamPolicy", "roles/secretmanager.admin", "getIamPolicy", securityReviewer).when("only with `hfTokenSecret`, and on the project of that secret"),
	need("gcp:serviceaccount/account:Account", "iam.serviceAccounts", "create", serviceAccountAdmin, "get", securityReviewer),
	need("gcp:serviceaccount/iAMMember:IAMMember", "iam.serviceAccounts", "setIamPolicy", serviceAccountAdmin, "getIamPolicy", securityReviewer),
	need("gcp:storage/bucket:Bucket", "storage.buckets", "create", storageAdmin, "get", "roles/storage.bucketViewer"),
	need("gcp:storage/bucketIAMMember:BucketIAMMember", "storage.buckets", "setIamPolicy", storageAdmin, "getIamPolicy", securityReviewer),
	need(AllKubernetes, "container.pods", "create", containerAdmin, "get", containerViewer).when("`container.viewer` does not read Secrets"),
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
