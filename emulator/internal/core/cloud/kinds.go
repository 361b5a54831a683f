package cloud

import (
	"fmt"
	"maps"
	"strings"
)

// kind implements one resource type; the properties are in the provider's schema.
type kind struct {
	id func(Values) string
	// computed returns properties that Google sets, by path. If the schema does not mark one
	// as computed and the program neither sets nor ignores it, the provider plans a change.
	computed func(Values) map[string]any
	// references maps a property that refers to another resource to that resource's type.
	references  map[string]string
	minutes     float64                                      // Google's time to create; updates and deletes take half
	outputs     func(Values) Values                          // further outputs
	check       func(*Cloud, Values) error                   // Google's validation of creates and updates
	refusal     string                                       // the provider's prefix of an error of check in a create
	checkUpdate func(c *Cloud, r *Resource, in Values) error // further validation of an update
	create      func(*operation) error
	update      func(*operation) error
	remove      func(*operation) error
	conflict    func(existing *Resource, in Values) error // error for a name that is in use; nil for the usual one
	// numbered kinds get their ID from Google: repeating a create creates a second resource.
	numbered bool
	// shared kinds, APIs and IAM members, may be created by several stacks.
	shared bool
}

// setOutputs sets the outputs that a kind derives from the inputs.
func (k kind) setOutputs(r *Resource) {
	if k.outputs != nil {
		maps.Copy(r.Outputs, k.outputs(r.Inputs))
	}
	if k.computed != nil {
		for path, value := range k.computed(r.Inputs) {
			r.Outputs.set(path, value)
		}
	}
}

// Kinds of resources, by Pulumi type token.
const (
	serviceKind    = "gcp:projects/service:Service"
	networkKind    = "gcp:compute/network:Network"
	subnetKind     = "gcp:compute/subnetwork:Subnetwork"
	routerKind     = "gcp:compute/router:Router"
	firewallKind   = "gcp:compute/firewall:Firewall"
	policyKind     = "gcp:compute/resourcePolicy:ResourcePolicy"
	clusterKind    = "gcp:container/cluster:Cluster"
	nodePoolKind   = "gcp:container/nodePool:NodePool"
	accountKind    = "gcp:serviceaccount/account:Account"
	repositoryKind = "gcp:artifactregistry/repository:Repository"
	projectIAMKind = "gcp:projects/iAMMember:IAMMember"
	accountIAMKind = "gcp:serviceaccount/iAMMember:IAMMember"
	repoIAMKind    = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
	bucketKind     = "gcp:storage/bucket:Bucket"
	bucketIAMKind  = "gcp:storage/bucketIAMMember:BucketIAMMember"
)

var kinds map[string]kind

func init() {
	kinds = map[string]kind{
		serviceKind: {
			id:      format("%s/%s", "project", "service"),
			minutes: 0.2, shared: true,
		},
		networkKind: {
			id:      format("projects/%s/global/networks/%s", "project", "name"),
			minutes: 0.4,
			outputs: selfLink("projects/%s/global/networks/%s", "project", "name"),
		},
		subnetKind: {
			id:         format("projects/%s/regions/%s/subnetworks/%s", "project", "region", "name"),
			references: map[string]string{"network": networkKind},
			minutes:    0.4, checkUpdate: checkSubnetUpdate,
		},
		routerKind: {
			id:         format("projects/%s/regions/%s/routers/%s", "project", "region", "name"),
			references: map[string]string{"network": networkKind},
			minutes:    0.2,
		},
		"gcp:compute/routerNat:RouterNat": {
			id:      format("%s/%s/%s/%s", "project", "region", "router", "name"),
			minutes: 0.2,
		},
		firewallKind: {
			id:         format("projects/%s/global/firewalls/%s", "project", "name"),
			references: map[string]string{"network": networkKind},
			minutes:    0.2,
		},
		policyKind: {
			id:      format("projects/%s/regions/%s/resourcePolicies/%s", "project", "region", "name"),
			minutes: 0.1, checkUpdate: checkPolicyUpdate,
		},
		accountKind: {
			id:      accountID,
			minutes: 0.1, outputs: accountOutputs,
		},
		projectIAMKind: {
			id:      format("%s/%s/%s", "project", "role", "member"),
			minutes: 0.1, shared: true,
		},
		accountIAMKind: {
			id:         format("%s/%s/%s", "serviceAccountId", "role", "member"),
			references: map[string]string{"serviceAccountId": accountKind},
			minutes:    0.1, shared: true, check: checkAccountMember,
		},
		repoIAMKind: {
			id:      format("projects/%s/locations/%s/repositories/%s/%s/%s", "project", "location", "repository", "role", "member"),
			minutes: 0.1, shared: true,
		},
		clusterKind:    cluster(),
		nodePoolKind:   nodePool(),
		repositoryKind: repository(),
		bucketKind:     bucket(),
		bucketIAMKind:  bucketMember(),
		secretIAMKind:  secretMember(),

		alertPolicyKind: alertPolicy(),
		dashboardKind:   dashboard(),
	}
}

// format returns a function that formats an ID from properties.
func format(pattern string, properties ...string) func(Values) string {
	return func(in Values) string {
		parts := make([]any, len(properties))
		for i, p := range properties {
			parts[i] = in.text(p)
		}
		return fmt.Sprintf(pattern, parts...)
	}
}

func selfLink(pattern string, properties ...string) func(Values) Values {
	return func(in Values) Values {
		return Values{"selfLink": "https://www.googleapis.com/compute/v1/" + format(pattern, properties...)(in)}
	}
}

// checkPolicyUpdate rejects a new name. The provider does not replace a policy for it; it
// patches a policy of the new name, which does not exist
// (compute/resource_compute_resource_policy.go of the provider).
func checkPolicyUpdate(_ *Cloud, r *Resource, in Values) error {
	if name := in.text("name"); name != last(r.ID) {
		return fmt.Errorf("Error updating ResourcePolicy %q: googleapi: Error 404: The resource '%s%s' was not found, notFound",
			r.ID, strings.TrimSuffix(r.ID, last(r.ID)), name)
	}
	return nil
}

// checkSubnetUpdate rejects changes of a secondary range that a cluster uses
// (https://cloud.google.com/vpc/docs/create-modify-vpc-networks). Open: the exact text.
func checkSubnetUpdate(c *Cloud, r *Resource, in Values) error {
	now := map[string]string{}
	for _, secondary := range in.objects("secondaryIpRanges") {
		now[secondary.text("rangeName")] = secondary.text("ipCidrRange")
	}
	for _, secondary := range r.Inputs.objects("secondaryIpRanges") {
		name := secondary.text("rangeName")
		if len(now) == 0 || now[name] == secondary.text("ipCidrRange") {
			continue // the provider treats an empty list as unchanged
		}
		for _, other := range c.resources {
			if other.Type == clusterKind && c.find(subnetKind, other.Inputs.text("subnetwork")) == r &&
				(other.Inputs.text("ipAllocationPolicy.clusterSecondaryRangeName") == name || other.Inputs.text("ipAllocationPolicy.servicesSecondaryRangeName") == name) {
				return fmt.Errorf("googleapi: Error 400: The secondary range '%s' of '%s' is already being used by '%s', resourceInUseByAnotherResource", name, r.ID, other.ID)
			}
		}
	}
	return nil
}

func accountEmail(in Values) string {
	return in.text("accountId") + "@" + in.text("project") + ".iam.gserviceaccount.com"
}

func accountID(in Values) string {
	return "projects/" + in.text("project") + "/serviceAccounts/" + accountEmail(in)
}

func accountOutputs(in Values) Values {
	email := accountEmail(in)
	return Values{"email": email, "name": accountID(in), "member": "serviceAccount:" + email}
}

func kindOf(typ string) (kind, error) {
	k, ok := kinds[typ]
	if !ok {
		return kind{}, fmt.Errorf("the emulated Google Cloud has no %s, only the types that this program uses (emulator/internal/core/cloud)", typ)
	}
	return k, nil
}

// Resumes reports whether the provider, if it is interrupted while it creates a resource of
// this type, stores the operation in the state and returns no error
// (container/resource_container_node_pool.go). It does the same for clusters. The emulator
// returns an error for those: without an endpoint in the state, later steps fail.
func Resumes(typ string) bool { return typ == nodePoolKind }

// ID returns the ID of a resource with these inputs.
func ID(typ string, in Values) (string, error) {
	k, err := kindOf(typ)
	if err != nil {
		return "", err
	}
	return k.id(in), nil
}
