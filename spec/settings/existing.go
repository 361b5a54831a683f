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

var (
	computeName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	account     = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z][a-z0-9-]{4,28}[a-z0-9]\.iam\.gserviceaccount\.com$`)
	bucketName  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)
	// A comma would end the mount option that contains the folder.
	bucketFolder = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)
)

// checkExisting checks the settings about existing resources, without looking these up.
func (l *loader) checkExisting() {
	l.checkExistingNetwork()
	l.checkExistingCluster()
	l.checkAccounts()
	l.checkBucket()
	l.checkAdopted()
	l.checkRegistry()
}

func (l *loader) checkExistingNetwork() {
	e := l.Network.Existing
	if !e.Used() {
		l.onlyDefaults(e, existing.NetworkKey, "applies only to an existing network, and none is named", "remove it, or name network and subnetwork", "firewallRule")
		return
	}
	if e.Project != "" && !projectID.MatchString(e.Project) {
		l.found.Add(existing.NetworkKey+".project", e.Project, "is not a project id", "use the id of the network's project, such as that of the Shared VPC host")
	}
	for _, name := range []struct {
		field, value string
		ofCluster    bool // needed only to create a cluster
	}{
		{"network", e.Network, false}, {"subnetwork", e.Subnetwork, false}, {"podsRange", e.PodsRange, true}, {"servicesRange", e.ServicesRange, true},
	} {
		switch {
		case name.ofCluster && l.Cluster.Existing.Used():
			l.onlyDefaults(e, existing.NetworkKey, onlyNewCluster, "remove it", name.field)
		case name.value == "":
			l.found.Add(existing.NetworkKey+"."+name.field, "", "is empty, but other fields of network.existing are set", "name it, or remove network.existing")
		case !computeName.MatchString(name.value):
			l.found.Add(existing.NetworkKey+"."+name.field, name.value, "is not the name of a Compute Engine resource", "use the name alone: lower-case letters, digits and hyphens")
		}
	}
	if e.PodsRange != "" && e.PodsRange == e.ServicesRange {
		l.found.Add(existing.NetworkKey+".servicesRange", e.ServicesRange, "is also the range of the pods", "use two secondary ranges")
	}
	l.onlyDefaults(l.Network, "sglang-tpu:network", "applies only to a subnetwork that this program creates, and network.existing is set", "remove it",
		"nodes", "pods", "services")
}

// onlyNewCluster is why a setting is rejected that an existing cluster leaves without effect.
const onlyNewCluster = "applies only to a cluster that this program creates, and cluster.existing is set"

func (l *loader) checkExistingCluster() {
	e := l.Cluster.Existing
	if !e.Used() {
		return
	}
	switch {
	case e.Name == "":
		l.found.Add(existing.ClusterKey+".name", "", "is empty, but other fields of cluster.existing are set", "name the cluster, or remove cluster.existing")
	case !computeName.MatchString(e.Name):
		l.found.Add(existing.ClusterKey+".name", e.Name, "is not the name of a cluster", "use the name alone, as gcloud container clusters list shows it")
	}
	if e.Location != "" && l.Region != "" && e.Location != l.Region && gke.RegionOf(e.Location) != l.Region {
		l.found.Add(existing.ClusterKey+".location", e.Location, "is not in the region of gcp:zone, which is "+l.Region, "use a cluster in "+l.Region+", or another gcp:zone")
	}
	if len(e.NodePools) > 0 {
		l.checkNodePools(e.NodePools)
	}
	l.onlyDefaults(l.GKE, "sglang-tpu:gke", onlyNewCluster, "remove it")
	l.onlyDefaults(l.SystemPool, "sglang-tpu:systemPool", onlyNewCluster, "remove it")
	l.onlyDefaults(l.Network, "sglang-tpu:network", onlyNewCluster, "remove it", "controlPlane", "authorizedNetworks")
	if l.Network.Existing.Used() {
		l.onlyDefaults(l.Network.Existing, existing.NetworkKey, onlyNewCluster, "remove it", "firewallRule")
	} else {
		l.onlyDefaults(l.Network, "sglang-tpu:network", onlyNewCluster, "remove it", "nodes", "pods", "services")
	}
}

// checkNodePools checks the existing node pools, and that nothing is set for slices to create.
func (l *loader) checkNodePools(pools []string) {
	const key, named = existing.ClusterKey + ".nodePools", " that this program creates, and cluster.existing.nodePools names existing ones"
	if n := len(pools); n != l.Replicas && l.Layer != gke.Platform {
		l.found.Add(key, strings.Join(pools, ", "), fmt.Sprintf("has %d node pools, and replicas is %d: each replica has a slice of its own", n, l.Replicas), "name one node pool for each replica")
	}
	for i, pool := range pools {
		if slices.Contains(pools[:i], pool) {
			l.check(key, problem.Problem{Entry: fmt.Sprintf("[%d]", i), Value: pool, Why: "is named twice", Remedy: "name each node pool once"})
			break
		}
	}
	l.onlyDefaults(l.Capacity, "sglang-tpu:capacity", "applies only to slices"+named, "remove it")
	l.onlyDefaults(l.Settings, "", "applies only to slices"+named, "remove it", "capacityFallbacks")
	l.onlyDefaults(l.ServiceAccounts, existing.AccountsKey, "applies only to nodes"+named, "remove it", "nodes")
}

// checkAccounts checks the service accounts. The builder may write images, so the nodes
// must not have the same account.
func (l *loader) checkAccounts() {
	a := l.ServiceAccounts
	for _, one := range []struct{ field, email string }{{"nodes", a.Nodes}, {"builder", a.Builder}} {
		if one.email != "" && !account.MatchString(one.email) {
			l.found.Add(existing.AccountsKey+"."+one.field, one.email, "is not the email of a service account", "use NAME@PROJECT.iam.gserviceaccount.com")
		}
	}
	if a.Builder != "" && a.Builder == a.Nodes {
		l.found.Add(existing.AccountsKey+".builder", a.Builder, "is also the account of the nodes, which could then change every pod's image", "use an account of its own")
	}
	if a.Builder != "" && l.Image.Source != serverimage.Build {
		l.found.Add(existing.AccountsKey+".builder", a.Builder, "is allowed only with image source build, and the source is "+l.Image.Source, "remove it")
	}
}

func (l *loader) checkBucket() {
	switch bucket := l.Cache.Bucket; {
	case bucket == "":
	case l.Cache.Mode != storage.GCS:
		l.found.Add(cacheKey+".bucket", bucket, "is allowed only with mode gcs, and mode is "+l.Cache.Mode, "remove it, or set mode to gcs")
	case !bucketName.MatchString(bucket):
		l.found.Add(cacheKey+".bucket", bucket, "is not the name of a bucket", "use the name alone, without gs://")
	}
	switch prefix := l.Cache.Prefix; {
	case prefix == "":
	case l.Cache.Bucket == "" && l.Layer != gke.Endpoint:
		l.found.Add(cacheKey+".prefix", prefix, "is allowed only in a shared bucket: with cache.bucket, or with layer endpoint", "remove it")
	case !bucketFolder.MatchString(prefix) || strings.Contains("/"+prefix+"/", "/../") || strings.Contains("/"+prefix+"/", "/./"):
		l.found.Add(cacheKey+".prefix", prefix, "is not a folder of a bucket", "use letters, digits, '.', '_' and '-', with / between folders, such as team-a/coder")
	}
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

func (l *loader) checkRegistry() {
	const key = imageKey + ".registry"
	r := l.Image.Registry
	_, location, _, ok := l.Registry()
	switch {
	case r == "":
	case l.Image.Source != serverimage.Build:
		l.found.Add(key, r, "is allowed only with source build, and source is "+l.Image.Source, "remove it, or set source to build")
	case !ok:
		l.found.Add(key, r, "is not a repository of Artifact Registry", "use projects/P/locations/L/repositories/R")
	case l.Region != "" && location != l.Region && strings.Contains(location, "-"):
		l.found.Add(key, r, "is in "+location+", and the nodes are in "+l.Region+": each pull would be slow and cost money", "use a repository in "+l.Region+" or in a multi-region")
	}
}

// onlyDefaults rejects the fields of an object whose values are not their defaults: all
// fields, or those in names.
func (l *loader) onlyDefaults(object any, key, why, remedy string, names ...string) {
	v := reflect.ValueOf(object)
	for _, f := range fieldsOf(v.Type()) {
		given := v.FieldByIndex(f.Index)
		if (len(names) == 0 || slices.Contains(names, f.name)) && !f.isDefault(given) {
			l.found.Add(f.path(key), scalar(given), why, remedy)
		}
	}
}

// scalar formats a value for messages; empty for lists and objects.
func scalar(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String, reflect.Int, reflect.Bool:
		return fmt.Sprint(v.Interface())
	}
	return ""
}

var (
	adoptedName = regexp.MustCompile(`^(cluster|cluster-system|slice-(0|[1-9][0-9]*))$`)
	adoptedID   = regexp.MustCompile(`^projects/([^/]+)/locations/[^/]+/clusters/[^/]+(/nodePools/[^/]+)?$`)
)

// checkAdopted checks that every adopted resource is one of the stack's resources.
func (l *loader) checkAdopted() {
	const key = "sglang-tpu:adopt"
	for _, name := range slices.Sorted(maps.Keys(l.Adopt)) {
		id, field := l.Adopt[name], key+"."+name
		parts := adoptedID.FindStringSubmatch(id)
		pool, _ := strings.CutPrefix(name, "slice-")
		index, err := strconv.Atoi(pool)
		switch {
		case !adoptedName.MatchString(name):
			l.found.Add(field, id, "is under a name that cannot be adopted", "use cluster, cluster-system, or slice-0, slice-1 ...")
		case parts == nil || (parts[2] == "") != (name == "cluster"):
			kind := "node pool"
			if name == "cluster" {
				kind = "cluster"
			}
			l.found.Add(field, id, "is not the ID of a "+kind, "use projects/P/locations/L/clusters/C for the cluster, with /nodePools/N after it for a node pool")
		case parts[1] != l.Project:
			l.found.Add(field, id, "is not in gcp:project, which is "+l.Project, "use a resource of that project")
		case l.Cluster.Existing.Used() || l.Layer == gke.Endpoint && err != nil || l.Layer == gke.Platform && err == nil:
			l.found.Add(field, id, "is for a resource that this stack does not have", "remove it")
		case err == nil && len(l.CapacityFallbacks) > 0:
			l.found.Add(field, id, "cannot be adopted while capacityFallbacks is set: the node pools of its options need a label and a taint", "remove one of the two")
		case err == nil && index >= l.Replicas:
			l.found.Add(field, id, fmt.Sprintf("is for a slice that this stack does not have: replicas is %d", l.Replicas), "raise replicas, or remove it")
		}
	}
}
