package cloud

import (
	"fmt"
	"strings"
)

// kind is what the cloud knows of one resource type beside the provider's schema.
type kind struct {
	id func(Values) string
	// computed are properties that Google sets by itself. Where the schema does not say
	// that Google fills them in, the provider takes them for a change when the program
	// neither sets nor ignores them.
	computed func(Values) map[string]any
	// references name properties that hold another resource, by its kind.
	references map[string]string
	minutes    float64 // Google's time to create; deletion takes half
	outputs    func(Values) Values
	check      func(*Cloud, Values) error // before create and update; GKE's own rules
	refusal    string                     // what the provider writes before Google's refusal of a create
	create     func(*operation) error
	update     func(*operation) error
	refuses    func(c *Cloud, r *Resource, in Values) error // before an update, beside check
	remove     func(*operation) error
	taken      func(has *Resource, in Values) error // Google's error for a name that is taken; nil for the usual one
	// numbered kinds have ids that Google makes up: a create that is sent twice makes two.
	numbered bool
	// shared kinds may be created by several stacks: enabled APIs and policy members.
	shared bool
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
			minutes:    0.4, refuses: refuseSubnetUpdate,
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
			minutes: 0.1, refuses: refusePolicyUpdate,
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

// format builds an id out of properties.
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

// refusePolicyUpdate: to the provider another name is no reason to replace a policy. It
// then patches a policy of the new name, which Compute Engine does not find
// (compute/resource_compute_resource_policy.go of the provider).
func refusePolicyUpdate(_ *Cloud, r *Resource, in Values) error {
	if name := in.text("name"); name != last(r.ID) {
		return fmt.Errorf("Error updating ResourcePolicy %q: googleapi: Error 404: The resource '%s%s' was not found, notFound",
			r.ID, strings.TrimSuffix(r.ID, last(r.ID)), name)
	}
	return nil
}

// refuseSubnetUpdate: a secondary range that a cluster uses stays as it is
// (https://cloud.google.com/vpc/docs/create-modify-vpc-networks). Open: the text was not
// seen.
func refuseSubnetUpdate(c *Cloud, r *Resource, in Values) error {
	now := map[any]any{}
	for _, entry := range in.list("secondaryIpRanges") {
		now[asMap(entry)["rangeName"]] = asMap(entry)["ipCidrRange"]
	}
	for _, entry := range r.Inputs.list("secondaryIpRanges") {
		name := asMap(entry)["rangeName"]
		if len(now) == 0 || now[name] == asMap(entry)["ipCidrRange"] {
			continue // to the provider no range at all is no change
		}
		for _, other := range c.resources {
			policy, _ := other.Inputs["ipAllocationPolicy"].(map[string]any)
			if other.Type == clusterKind && c.find(subnetKind, other.Inputs.text("subnetwork")) == r &&
				(policy["clusterSecondaryRangeName"] == name || policy["servicesSecondaryRangeName"] == name) {
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
		return kind{}, fmt.Errorf("the emulated Google Cloud has no %s; it knows what this program uses (emulator/internal/core/cloud)", typ)
	}
	return k, nil
}

// Resumes reports whether the provider, when it is interrupted while it creates a
// resource of this type, keeps the operation in the state and calls that no error
// (container/resource_container_node_pool.go). It does so with clusters, too; here they
// are an error, because without an address in the state nothing else can go on.
func Resumes(typ string) bool { return typ == nodePoolKind }

// ID is what the cloud calls a resource with these inputs.
func ID(typ string, in Values) (string, error) {
	k, err := kindOf(typ)
	if err != nil {
		return "", err
	}
	return k.id(in), nil
}

func (k kind) filledIn(in Values) map[string]any {
	if k.computed == nil {
		return nil
	}
	return k.computed(in)
}
