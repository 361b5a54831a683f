package settings

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sglang-tpu/spec/existing"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/serverimage"
	"sglang-tpu/spec/storage"
)

const (
	networkKey  = existing.NetworkKey
	clusterKey  = existing.ClusterKey
	accountsKey = existing.AccountsKey
)

var (
	computeName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	account     = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z][a-z0-9-]{4,28}[a-z0-9]\.iam\.gserviceaccount\.com$`)
	bucketName  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)
	// A comma would end the mount option that contains the folder.
	bucketFolder = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)
)

// checkExisting checks the settings about existing resources, without looking these up.
func checkExisting(c *Config) problem.List {
	found := append(checkExistingNetwork(c), checkExistingCluster(c)...)
	found = append(found, checkAccounts(c)...)
	found = append(found, checkBucket(c)...)
	found = append(found, checkAdopted(c)...)
	return append(found, checkRegistry(c)...)
}

func checkExistingNetwork(c *Config) problem.List {
	e := c.Network.Existing
	var found problem.List
	if !e.Used() {
		if !e.FirewallRule {
			found.Add(networkKey+".firewallRule", "false", "applies only to an existing network, and none is named", "remove it, or name network and subnetwork")
		}
		return found
	}
	if e.Project != "" && !projectID.MatchString(e.Project) {
		found.Add(networkKey+".project", e.Project, "is not a project id", "use the id of the network's project, such as that of the Shared VPC host")
	}
	ranges := map[string]string{"podsRange": e.PodsRange, "servicesRange": e.ServicesRange}
	for _, name := range []struct{ field, value string }{
		{"network", e.Network}, {"subnetwork", e.Subnetwork}, {"podsRange", e.PodsRange}, {"servicesRange", e.ServicesRange},
	} {
		_, isRange := ranges[name.field]
		switch {
		case isRange && c.Cluster.Existing.Used():
			if name.value != "" {
				found.Add(networkKey+"."+name.field, name.value, "applies only to a cluster that this program creates, and cluster.existing is set", "remove it")
			}
		case name.value == "":
			found.Add(networkKey+"."+name.field, "", "is empty, but other fields of network.existing are set", "name it, or remove network.existing")
		case !computeName.MatchString(name.value):
			found.Add(networkKey+"."+name.field, name.value, "is not the name of a Compute Engine resource", "use the name alone: lower-case letters, digits and hyphens")
		}
	}
	if e.PodsRange != "" && e.PodsRange == e.ServicesRange {
		found.Add(networkKey+".servicesRange", e.ServicesRange, "is also the range of the pods", "use two secondary ranges")
	}
	for _, given := range nonDefault(c.Network, "sglang-tpu:network", "nodes", "pods", "services") {
		found.Add(given.Key, given.Value, "applies only to a subnetwork that this program creates, and network.existing is set", "remove it")
	}
	return found
}

func checkExistingCluster(c *Config) problem.List {
	e := c.Cluster.Existing
	if !e.Used() {
		return nil
	}
	var found problem.List
	switch {
	case e.Name == "":
		found.Add(clusterKey+".name", "", "is empty, but other fields of cluster.existing are set", "name the cluster, or remove cluster.existing")
	case !computeName.MatchString(e.Name):
		found.Add(clusterKey+".name", e.Name, "is not the name of a cluster", "use the name alone, as gcloud container clusters list shows it")
	}
	if e.Location != "" && c.Region != "" && e.Location != c.Region && gke.RegionOf(e.Location) != c.Region {
		found.Add(clusterKey+".location", e.Location, "is not in the region of gcp:zone, which is "+c.Region, "use a cluster in "+c.Region+", or another gcp:zone")
	}
	if n := len(e.NodePools); n > 0 {
		if n != c.Replicas && c.Layer != gke.Platform {
			found.Add(clusterKey+".nodePools", strings.Join(e.NodePools, ", "), fmt.Sprintf("has %d node pools, and replicas is %d: each replica has a slice of its own", n, c.Replicas), "name one node pool for each replica")
		}
		if i := gke.Repeated(e.NodePools); i >= 0 {
			found = append(found, problem.Problem{
				Key: clusterKey + ".nodePools", Entry: fmt.Sprintf("[%d]", i), Value: e.NodePools[i],
				Why: "is named twice", Remedy: "name each node pool once",
			})
		}
		for _, given := range nonDefault(c.Capacity, "sglang-tpu:capacity") {
			found.Add(given.Key, given.Value, "applies only to slices that this program creates, and cluster.existing.nodePools names existing ones", "remove it")
		}
		if len(c.CapacityFallbacks) > 0 {
			found.Add("sglang-tpu:capacityFallbacks", "", "applies only to slices that this program creates, and cluster.existing.nodePools names existing ones", "remove it")
		}
		if c.ServiceAccounts.Nodes != "" {
			found.Add(accountsKey+".nodes", c.ServiceAccounts.Nodes, "applies only to nodes that this program creates, and cluster.existing.nodePools names existing ones", "remove it")
		}
	}
	const only = "applies only to a cluster that this program creates, and cluster.existing is set"
	for _, given := range nonDefault(c.GKE, "sglang-tpu:gke") {
		found.Add(given.Key, given.Value, only, "remove it")
	}
	for _, given := range nonDefault(c.SystemPool, "sglang-tpu:systemPool") {
		found.Add(given.Key, given.Value, only, "remove it")
	}
	for _, given := range nonDefault(c.Network, "sglang-tpu:network", "controlPlane", "authorizedNetworks") {
		found.Add(given.Key, given.Value, only, "remove it")
	}
	if !c.Network.Existing.Used() {
		for _, given := range nonDefault(c.Network, "sglang-tpu:network", "nodes", "pods", "services") {
			found.Add(given.Key, given.Value, only, "remove it")
		}
	} else if !c.Network.Existing.FirewallRule {
		found.Add(networkKey+".firewallRule", "false", only, "remove it")
	}
	return found
}

// checkAccounts checks the service accounts. The builder may write images, so the nodes
// must not have the same account.
func checkAccounts(c *Config) problem.List {
	a := c.ServiceAccounts
	var found problem.List
	for _, one := range []struct{ field, email string }{{"nodes", a.Nodes}, {"builder", a.Builder}} {
		if one.email != "" && !account.MatchString(one.email) {
			found.Add(accountsKey+"."+one.field, one.email, "is not the email of a service account", "use NAME@PROJECT.iam.gserviceaccount.com")
		}
	}
	if a.Builder != "" && a.Builder == a.Nodes {
		found.Add(accountsKey+".builder", a.Builder, "is also the account of the nodes, which could then change every pod's image", "use an account of its own")
	}
	if a.Builder != "" && c.Image.Source != serverimage.Build {
		found.Add(accountsKey+".builder", a.Builder, "is allowed only with image source build, and the source is "+c.Image.Source, "remove it")
	}
	return found
}

func checkBucket(c *Config) problem.List {
	var found problem.List
	const key = cacheKey
	if c.Cache.Bucket != "" {
		switch {
		case c.Cache.Mode != storage.GCS:
			found.Add(key+".bucket", c.Cache.Bucket, "is allowed only with mode gcs, and mode is "+c.Cache.Mode, "remove it, or set mode to gcs")
		case !bucketName.MatchString(c.Cache.Bucket):
			found.Add(key+".bucket", c.Cache.Bucket, "is not the name of a bucket", "use the name alone, without gs://")
		}
	}
	if p := c.Cache.Prefix; p != "" {
		switch {
		case c.Cache.Bucket == "" && c.Layer != gke.Endpoint:
			found.Add(key+".prefix", p, "is allowed only in a shared bucket: with cache.bucket, or with layer endpoint", "remove it")
		case !bucketFolder.MatchString(p) || strings.Contains("/"+p+"/", "/../") || strings.Contains("/"+p+"/", "/./"):
			found.Add(key+".prefix", p, "is not a folder of a bucket", "use letters, digits, '.', '_' and '-', with / between folders, such as team-a/coder")
		}
	}
	return found
}

var registryName = regexp.MustCompile(`^projects/([^/]+)/locations/([^/]+)/repositories/([a-z][a-z0-9-]*)$`)

// Registry returns the parts of the existing repository to push images to; ok is false if
// there is none.
func (c *Config) Registry() (project, location, repository string, ok bool) {
	parts := registryName.FindStringSubmatch(c.Image.Registry)
	if parts == nil {
		return "", "", "", false
	}
	return parts[1], parts[2], parts[3], true
}

func checkRegistry(c *Config) problem.List {
	r := c.Image.Registry
	if r == "" {
		return nil
	}
	const key = imageKey + ".registry"
	var found problem.List
	_, location, _, ok := c.Registry()
	switch {
	case c.Image.Source != serverimage.Build:
		found.Add(key, r, "is allowed only with source build, and source is "+c.Image.Source, "remove it, or set source to build")
	case !ok:
		found.Add(key, r, "is not a repository of Artifact Registry", "use projects/P/locations/L/repositories/R")
	case c.Region != "" && location != c.Region && strings.Contains(location, "-"):
		found.Add(key, r, "is in "+location+", and the nodes are in "+c.Region+": each pull would be slow and cost money", "use a repository in "+c.Region+" or in a multi-region")
	}
	return found
}

// nonDefault lists the fields of an object whose values are not their defaults: of all
// fields, or of those in names.
func nonDefault(object any, key string, names ...string) problem.List {
	v := reflect.ValueOf(object)
	standard := reflect.New(v.Type()).Elem()
	setDefaults(standard)
	var found problem.List
	for _, f := range fieldsOf(v.Type()) {
		if len(names) > 0 && !slices.Contains(names, f.name) {
			continue
		}
		given, usual := v.FieldByIndex(f.Index), standard.FieldByIndex(f.Index)
		if isEmpty(given) && isEmpty(usual) || reflect.DeepEqual(given.Interface(), usual.Interface()) {
			continue
		}
		found.Add(key+"."+f.name, scalar(given), "", "")
	}
	return found
}

func isEmpty(v reflect.Value) bool {
	return (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

// scalar formats a value for messages; empty for lists and objects.
func scalar(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Int:
		return strconv.Itoa(int(v.Int()))
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	}
	return ""
}

var (
	adoptedName = regexp.MustCompile(`^(cluster|cluster-system|slice-(0|[1-9][0-9]*))$`)
	adoptedID   = regexp.MustCompile(`^projects/([^/]+)/locations/[^/]+/clusters/[^/]+(/nodePools/[^/]+)?$`)
)

// checkAdopted checks that every adopted resource is one of the stack's resources.
func checkAdopted(c *Config) problem.List {
	const key = "sglang-tpu:adopt"
	var found problem.List
	for _, name := range slices.Sorted(maps.Keys(c.Adopt)) {
		id, field := c.Adopt[name], key+"."+name
		parts := adoptedID.FindStringSubmatch(id)
		pool, _ := strings.CutPrefix(name, "slice-")
		index, err := strconv.Atoi(pool)
		switch {
		case !adoptedName.MatchString(name):
			found.Add(field, id, "is under a name that cannot be adopted", "use cluster, cluster-system, or slice-0, slice-1 ...")
		case parts == nil || (parts[2] == "") != (name == "cluster"):
			found.Add(field, id, "is not the ID of such a resource", "use projects/P/locations/L/clusters/C for the cluster, with /nodePools/N after it for a node pool")
		case parts[1] != c.Project:
			found.Add(field, id, "is not in gcp:project, which is "+c.Project, "use a resource of that project")
		case c.Cluster.Existing.Used() || c.Layer == gke.Endpoint && err != nil || c.Layer == gke.Platform && err == nil:
			found.Add(field, id, "is for a resource that this stack does not have", "remove it")
		case err == nil && len(c.CapacityFallbacks) > 0:
			found.Add(field, id, "cannot be adopted while capacityFallbacks is set: the node pools of its options need a label and a taint", "remove one of the two")
		case err == nil && index >= c.Replicas:
			found.Add(field, id, fmt.Sprintf("is for a slice that this stack does not have: replicas is %d", c.Replicas), "raise replicas, or remove it")
		}
	}
	return found
}
