// Package existing checks whether existing resources, such as a network or a cluster, meet
// the needs of this program. It only compares values: package stacks looks the resources
// up.
package existing

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/problem"
)

// Keys of the settings that name existing resources.
const (
	NetworkKey    = "sglang-tpu:network.existing"
	ClusterKey    = "sglang-tpu:cluster.existing"
	AccountsKey   = "sglang-tpu:serviceAccounts"
	BucketKey     = "sglang-tpu:cache.bucket"
	RepositoryKey = "sglang-tpu:image.registry"
	PlatformKey   = "sglang-tpu:platform"
)

// errNothing is the error if a lookup succeeds with an empty result.
var errNothing = errors.New("there is none")

// NotFound is the problem of a resource that could not be looked up. said is the provider's
// error, nil if it answered without one, and look is a command that lists what exists.
func NotFound(key, value, what string, said error, look string) problem.Problem {
	why := "cannot be looked up as " + what + " (" + oneLine(cmp.Or(said, errNothing).Error()) + ")"
	return problem.Problem{Key: key, Value: value, Why: why, Remedy: "check the name with " + look + ", and check that you may read the resource"}
}

// oneLine returns the last line of a provider's error, which states the cause. The lines
// before it name the function that was called and the number of errors.
func oneLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(strings.TrimLeft(lines[len(lines)-1], "\t *"))
}

// rule is a reason for which a resource cannot be used.
type rule struct {
	broken      bool
	why, remedy string
}

// check returns the problems of a resource that a key names.
func check(key, value string, rules ...rule) problem.List {
	var found problem.List
	for _, r := range rules {
		if r.broken {
			found.Add(key, value, r.why, r.remedy)
		}
	}
	return found
}

// Subnetwork is a subnetwork as Compute Engine describes it.
type Subnetwork struct {
	Name    string
	Network string // name of its network
	Range   string // of the nodes, in CIDR notation
	// PrivateGoogleAccess lets nodes without public addresses reach Google's APIs.
	PrivateGoogleAccess bool
	Secondary           map[string]string // CIDR ranges by name
}

// SubnetworkNeeds is what a cluster needs of its subnetwork. The ranges are empty for an
// existing cluster.
type SubnetworkNeeds struct {
	Network, PodsRange, ServicesRange string
	ControlPlane                      string // range that the control plane will have
}

// Check returns what does not meet the needs.
func (n SubnetworkNeeds) Check(s Subnetwork) problem.List {
	creates := n.PodsRange != "" // a cluster
	found := check(NetworkKey+".subnetwork", s.Name,
		rule{s.Network != n.Network, "is in network " + s.Network + ", and network.existing.network is " + n.Network, "name the network of the subnetwork"},
		rule{
			creates && !s.PrivateGoogleAccess, "has no Private Google Access, and nodes have no public addresses",
			"ask the network's owner for: gcloud compute networks subnets update " + s.Name + " --enable-private-ip-google-access",
		},
	)
	if !creates {
		return found
	}
	names := slices.Sorted(maps.Keys(s.Secondary))
	for _, r := range []struct{ field, name string }{{"podsRange", n.PodsRange}, {"servicesRange", n.ServicesRange}} {
		if s.Secondary[r.name] == "" {
			found.Add(NetworkKey+"."+r.field, r.name, "is not a secondary range of subnetwork "+s.Name, choose(names))
		}
	}
	ranges := map[string]string{"the nodes": s.Range, n.PodsRange: s.Secondary[n.PodsRange], n.ServicesRange: s.Secondary[n.ServicesRange]}
	for _, name := range slices.Sorted(maps.Keys(ranges)) {
		if overlap(n.ControlPlane, ranges[name]) {
			found.Add("sglang-tpu:network.controlPlane", n.ControlPlane, "overlaps the range of "+name+" in subnetwork "+s.Name+" ("+ranges[name]+")", "use a /28 that nothing in the network uses")
		}
	}
	return found
}

func overlap(a, b string) bool {
	x, err := netip.ParsePrefix(a)
	y, err2 := netip.ParsePrefix(b)
	return err == nil && err2 == nil && x.Overlaps(y)
}

// choose returns the remedy that lists the existing names.
func choose(names []string) string {
	if len(names) == 0 {
		return "create one: there is none"
	}
	return "use one of " + strings.Join(names, ", ")
}

// Bucket is a bucket as Cloud Storage describes it.
type Bucket struct {
	Name          string
	Location      string // region or multi-region, in any case
	UniformAccess bool   // uniform bucket-level access: only IAM decides
	RequesterPays bool
}

// Check returns what prevents nodes in a region from using the bucket.
func (b Bucket) Check(region string) problem.List {
	place := strings.ToLower(b.Location)
	return check(BucketKey, b.Name,
		rule{strings.Contains(place, "-") && place != region, "is in " + place + ", and the nodes are in " + region + ": reading the weights would be slow and cost money", "use a bucket in " + region},
		rule{!b.UniformAccess, "has no uniform bucket-level access, without which Workload Identity cannot be given access", "run: gcloud storage buckets update gs://" + b.Name + " --uniform-bucket-level-access"},
		rule{b.RequesterPays, "is a Requester Pays bucket, and the pods' mount names no project to bill", "use another bucket"},
	)
}

// Repository is a repository as Artifact Registry describes it.
type Repository struct {
	Name   string // projects/P/locations/L/repositories/R
	Format string
	Mode   string // empty: a standard one
}

// Check returns what prevents images from being pushed to the repository.
func (r Repository) Check() problem.List {
	mode := strings.ToLower(strings.ReplaceAll(r.Mode, "_", " "))
	return check(RepositoryKey, r.Name,
		rule{r.Format != "DOCKER", "has the format " + r.Format, "use a repository of format DOCKER"},
		rule{r.Mode != "" && r.Mode != "STANDARD_REPOSITORY", "is a " + mode + ", to which nothing can be pushed", "use a standard repository"},
	)
}

// Account is a service account as IAM describes it.
type Account struct {
	Email    string
	Disabled bool
}

// Check returns what prevents the use of the account. field is nodes or builder.
func (a Account) Check(field string) problem.List {
	return check(AccountsKey+"."+field, a.Email, rule{a.Disabled, "is disabled", "run: gcloud iam service-accounts enable " + a.Email})
}

// Controller is the LeaderWorkerSet controller that runs in a cluster.
type Controller struct {
	Installed bool
	Version   string // tag of its image, such as v0.9.0; empty: not known
	Ready     bool   // whether at least one pod is ready
}

// Check returns what prevents the use of the controller. least is the oldest suitable
// version.
func (c Controller) Check(least string) problem.List {
	const key = ClusterKey + ".leaderWorkerSet"
	var found problem.List
	switch {
	case !c.Installed:
		found.Add(key, "true", "is wrong: the cluster has no Deployment lws-controller-manager in the namespace lws-system",
			"set it to false, so that this program installs the controller, or install LeaderWorkerSet "+least)
	case c.Version != "" && gke.Older(c.Version, least):
		found.Add(key, "true", "is set, but the installed controller has version "+c.Version+", which lacks what tpu7x needs", fmt.Sprintf("ask its owner to update it to %s or newer", least))
	case !c.Ready:
		found.Add(key, "true", "is set, but no pod of the controller is ready, so its webhooks do not answer", "see why: kubectl get pods -n lws-system")
	}
	return found
}

// Platform is a platform as the outputs of its stack describe it.
type Platform struct {
	Project, Region string
	SecretManager   bool // the cluster's add-on
	Prometheus      bool // managed collection
}

// PlatformNeeds is what an endpoint needs of a platform.
type PlatformNeeds struct {
	Stack           string // of the platform
	Project, Region string
	Secrets         bool // the token is in Secret Manager
	Monitoring      bool // metrics are collected
}

// Check returns what does not meet the needs.
func (n PlatformNeeds) Check(p Platform) problem.List {
	return check(PlatformKey, n.Stack,
		rule{p.Project != n.Project, "is in project " + p.Project + ", and gcp:project is " + n.Project, "set gcp:project to that of the platform"},
		rule{p.Region != n.Region, "is in " + p.Region + ", and gcp:zone is in " + n.Region, "use a zone of " + p.Region + ", or another platform"},
		rule{n.Secrets && !p.SecretManager, "has a cluster without the Secret Manager add-on, which pods need to read hfTokenSecret", "enable it, and run pulumi up of the platform"},
		rule{n.Monitoring && !p.Prometheus, "has a cluster without managed collection for Prometheus, which collects the metrics", "enable it, and run pulumi up of the platform, or set monitoring.enabled to false"},
	)
}
