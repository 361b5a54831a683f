package cloud

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// kind is what the cloud knows of one resource type. Most of it is data.
type kind struct {
	id       func(Values) string
	required []string
	// replaced lists the properties that cannot be changed in place; "nodeConfig." stands
	// for everything below.
	replaced []string
	// writtenBack are properties that Google sets by itself and that the provider takes
	// for a change when the program neither sets nor ignores them.
	writtenBack func(Values) map[string]any
	// otherCase are properties that Google writes back in capital letters; that is no
	// change to the provider.
	otherCase []string
	// references name properties that hold another resource, by its kind.
	references map[string]string
	minutes    float64 // Google's time to create; deletion takes half
	outputs    func(Values) Values
	check      func(*Cloud, Values) error // before create and update; GKE's own rules
	create     func(*operation) error
	update     func(*operation) error
	remove     func(*operation) error
	taken      func(has *Resource, in Values) error // what Google says to a name that is taken; nil for the usual
	// shared kinds may be created by several stacks: enabled APIs and policy members.
	shared bool
}

// Kinds of resources, by Pulumi type token.
const (
	serviceKind    = "gcp:projects/service:Service"
	networkKind    = "gcp:compute/network:Network"
	subnetKind     = "gcp:compute/subnetwork:Subnetwork"
	routerKind     = "gcp:compute/router:Router"
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
			id:       format("%s/%s", "project", "service"),
			required: []string{"service"}, replaced: []string{"project", "service"},
			minutes: 0.2, shared: true,
		},
		networkKind: {
			id:       format("projects/%s/global/networks/%s", "project", "name"),
			replaced: []string{"name", "project", "autoCreateSubnetworks"},
			minutes:  0.4,
			outputs:  selfLink("projects/%s/global/networks/%s", "project", "name"),
		},
		subnetKind: {
			id:       format("projects/%s/regions/%s/subnetworks/%s", "project", "region", "name"),
			required: []string{"network"}, references: map[string]string{"network": networkKind},
			replaced: []string{"name", "project", "region", "network", "ipCidrRange"},
			minutes:  0.4,
		},
		routerKind: {
			id:       format("projects/%s/regions/%s/routers/%s", "project", "region", "name"),
			required: []string{"network"}, references: map[string]string{"network": networkKind},
			replaced: []string{"name", "project", "region", "network"},
			minutes:  0.2,
		},
		"gcp:compute/routerNat:RouterNat": {
			id:       format("%s/%s/%s/%s", "project", "region", "router", "name"),
			required: []string{"router", "sourceSubnetworkIpRangesToNat"},
			replaced: []string{"name", "project", "region", "router"},
			minutes:  0.2,
		},
		"gcp:compute/firewall:Firewall": {
			id:       format("projects/%s/global/firewalls/%s", "project", "name"),
			required: []string{"network"}, references: map[string]string{"network": networkKind},
			replaced: []string{"name", "project", "network", "direction"},
			minutes:  0.2,
		},
		policyKind: {
			id:       format("projects/%s/regions/%s/resourcePolicies/%s", "project", "region", "name"),
			replaced: []string{"name", "project", "region", "workloadPolicy.", "groupPlacementPolicy."},
			minutes:  0.1,
		},
		accountKind: {
			id:       accountID,
			required: []string{"accountId"}, replaced: []string{"accountId", "project"},
			minutes: 0.1, outputs: accountOutputs,
		},
		projectIAMKind: {
			id:       format("%s/%s/%s", "project", "role", "member"),
			required: []string{"project", "role", "member"}, replaced: []string{"project", "role", "member"},
			minutes: 0.1, shared: true,
		},
		accountIAMKind: {
			id:       format("%s/%s/%s", "serviceAccountId", "role", "member"),
			required: []string{"serviceAccountId", "role", "member"}, replaced: []string{"serviceAccountId", "role", "member"},
			references: map[string]string{"serviceAccountId": accountKind},
			minutes:    0.1, shared: true, check: checkAccountMember,
		},
		repoIAMKind: {
			id:       format("projects/%s/locations/%s/repositories/%s/%s/%s", "project", "location", "repository", "role", "member"),
			required: []string{"repository", "role", "member"}, replaced: []string{"project", "location", "repository", "role", "member"},
			minutes: 0.1, shared: true,
		},
		clusterKind:    cluster(),
		nodePoolKind:   nodePool(),
		repositoryKind: repository(),
		bucketKind:     bucket(),
		bucketIAMKind:  bucketMember(),
		secretIAMKind:  secretMember(),
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

// Check returns what is missing or cannot be in a wish, by property.
func Check(typ string, in Values) (map[string]string, error) {
	k, err := kindOf(typ)
	if err != nil {
		return nil, err
	}
	missing := map[string]string{}
	for _, property := range k.required {
		if _, ok := in[property]; !ok {
			missing[property] = fmt.Sprintf("Missing required argument. The argument %q is required, but no definition was found.", property)
		}
	}
	for property, why := range invalidValues(typ, in) {
		missing[property] = why
	}
	return missing, nil
}

func kindOf(typ string) (kind, error) {
	k, ok := kinds[typ]
	if !ok {
		return kind{}, fmt.Errorf("the emulated Google Cloud has no %s; it knows what this program uses (emulator/internal/cloud)", typ)
	}
	return k, nil
}

// ID is what the cloud calls a resource with these inputs.
func ID(typ string, in Values) (string, error) {
	k, err := kindOf(typ)
	if err != nil {
		return "", err
	}
	return k.id(in), nil
}

// Change is one property that an update would change.
type Change struct {
	Path    string
	Replace bool
}

// Diff compares a wish with the state and the old wish, the way the provider does:
// what the program leaves out is Google's to fill, except where Google's filling looks
// like a change. Paths in ignored are the program's ignoreChanges.
func Diff(typ string, oldInputs, state, wish Values, ignored []string) ([]Change, error) {
	k, err := kindOf(typ)
	if err != nil {
		return nil, err
	}
	skip := map[string]bool{}
	for _, path := range ignored {
		skip[path] = true
	}
	paths := append(changes("", map[string]any(wish), map[string]any(state)), dropped("", map[string]any(oldInputs), map[string]any(wish))...)
	for path := range k.filledIn(wish) {
		if state.at(path) != nil && wish.at(path) == nil {
			paths = append(paths, path)
		}
	}
	sort.Strings(paths)
	var found []Change
	for _, path := range paths {
		sameWord := slices.Contains(k.otherCase, path) && strings.EqualFold(wish.text(path), state.text(path))
		if !covered(path, skip) && !sameWord {
			found = append(found, Change{Path: path, Replace: k.replaces(path)})
		}
	}
	return found, nil
}

// covered reports whether a path or anything above it is in a set.
func covered(path string, set map[string]bool) bool {
	for p := path; ; {
		if set[p] {
			return true
		}
		i := strings.LastIndexAny(p, ".[")
		if i < 0 {
			return false
		}
		p = p[:i]
	}
}

func (k kind) replaces(path string) bool {
	for _, r := range k.replaced {
		r = strings.TrimSuffix(r, ".") // a whole block that was dropped counts, too
		if path == r || strings.HasPrefix(path, r+".") || strings.HasPrefix(path, r+"[") {
			return true
		}
	}
	return false
}

func (k kind) filledIn(in Values) map[string]any {
	if k.writtenBack == nil {
		return nil
	}
	return k.writtenBack(in)
}
