package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
)

// What cannot be built on is refused by the settings alone, before anything is looked up.
func TestExistingResourcesThatCannotWorkAreRejected(t *testing.T) {
	const ours = "sglang-tpu:"
	network := `{"existing":{"project":"network-team","network":"corporate","subnetwork":"ml","podsRange":"pods","servicesRange":"services"}}`
	team := `{"existing":{"name":"team"}}`
	for name, test := range map[string]struct {
		set  []string
		says string
	}{
		"half a network":                    {[]string{"network", `{"existing":{"network":"corporate"}}`}, `config sglang-tpu:network.existing.subnetwork: is empty, but other fields of network.existing are set; name it, or remove network.existing`},
		"a self link":                       {[]string{"network", `{"existing":{"network":"projects/p/global/networks/n","subnetwork":"ml","podsRange":"a","servicesRange":"b"}}`}, `"projects/p/global/networks/n" is not the name of a Compute Engine resource; use the name alone`},
		"a project's name":                  {[]string{"network", `{"existing":{"project":"Network Team","network":"n","subnetwork":"ml","podsRange":"a","servicesRange":"b"}}`}, `config sglang-tpu:network.existing.project: "Network Team" is not a project id`},
		"one range twice":                   {[]string{"network", `{"existing":{"network":"n","subnetwork":"ml","podsRange":"a","servicesRange":"a"}}`}, `"a" is also the range of the pods; use two secondary ranges`},
		"ranges of both":                    {[]string{"network", `{"nodes":"10.1.0.0/20","existing":{"network":"n","subnetwork":"ml","podsRange":"a","servicesRange":"b"}}`}, `config sglang-tpu:network.nodes: "10.1.0.0/20" applies only to a subnetwork that this program creates, and network.existing is set; remove it`},
		"a rule without a network":          {[]string{"network", `{"existing":{"firewallRule":false}}`}, `config sglang-tpu:network.existing.firewallRule: "false" applies only to an existing network, and none is named`},
		"a misspelt field":                  {[]string{"network", `{"existing":{"subnet":"ml"}}`}, `config sglang-tpu:network.existing.subnet: is not a setting`},
		"a cluster without a name":          {[]string{"cluster", `{"existing":{"leaderWorkerSet":true}}`}, `config sglang-tpu:cluster.existing.name: is empty, but other fields of cluster.existing are set`},
		"a cluster's path":                  {[]string{"cluster", `{"existing":{"name":"projects/p/locations/l/clusters/c"}}`}, `is not the name of a cluster; use the name alone, as gcloud container clusters list shows it`},
		"a cluster elsewhere":               {[]string{"cluster", `{"existing":{"name":"team","location":"europe-west4"}}`}, `config sglang-tpu:cluster.existing.location: "europe-west4" is not in the region of gcp:zone, which is us-central1`},
		"ranges of a cluster":               {[]string{"cluster", team, "network", network}, `config sglang-tpu:network.existing.podsRange: "pods" applies only to a cluster that this program creates, and cluster.existing is set; remove it`},
		"a version of a cluster":            {[]string{"cluster", team, "gke", `{"minVersion":"1.36"}`}, `config sglang-tpu:gke.minVersion: "1.36" applies only to a cluster that this program creates, and cluster.existing is set; remove it`},
		"a system pool":                     {[]string{"cluster", team, "systemPool", `{"nodes":3}`}, `config sglang-tpu:systemPool.nodes: "3" applies only to a cluster that this program creates`},
		"a control plane":                   {[]string{"cluster", team, "network", `{"controlPlane":"172.17.0.0/28"}`}, `config sglang-tpu:network.controlPlane: "172.17.0.0/28" applies only to a cluster that this program creates`},
		"too few slices":                    {[]string{"cluster", `{"existing":{"name":"team","nodePools":["a"]}}`, "replicas", "2"}, `"a" has 1 node pools, and replicas is 2: each replica has a slice of its own; name one node pool for each replica`},
		"a slice twice":                     {[]string{"cluster", `{"existing":{"name":"team","nodePools":["a","a"]}}`, "replicas", "2"}, `config sglang-tpu:cluster.existing.nodePools: "a" is named twice`},
		"capacity of others' slices":        {[]string{"cluster", `{"existing":{"name":"team","nodePools":["a"]}}`, "capacity", `{"mode":"on-demand"}`}, `config sglang-tpu:capacity.mode: "on-demand" applies only to slices that this program creates, and cluster.existing.nodePools names existing ones`},
		"an account of others' slices":      {[]string{"cluster", `{"existing":{"name":"team","nodePools":["a"]}}`, "serviceAccounts", `{"nodes":"team-nodes@my-project.iam.gserviceaccount.com"}`}, `config sglang-tpu:serviceAccounts.nodes: "team-nodes@my-project.iam.gserviceaccount.com" applies only to nodes that this program creates`},
		"a person":                          {[]string{"serviceAccounts", `{"nodes":"me@example.com"}`}, `config sglang-tpu:serviceAccounts.nodes: "me@example.com" is not the email of a service account; use NAME@PROJECT.iam.gserviceaccount.com`},
		"one account for two":               {[]string{"serviceAccounts", `{"nodes":"team-a@my-project.iam.gserviceaccount.com","builder":"team-a@my-project.iam.gserviceaccount.com"}`}, `is also the account of the nodes, which could then change every pod's image; use an account of its own`},
		"a builder of nothing":              {[]string{"serviceAccounts", `{"builder":"team-b@my-project.iam.gserviceaccount.com"}`, "image", `{"source":"mirror","version":"v0.1.0"}`}, `is allowed only with image source build, and the source is mirror`},
		"a bucket's address":                {[]string{"cache", `{"bucket":"gs://team-models"}`}, `config sglang-tpu:cache.bucket: "gs://team-models" is not the name of a bucket; use the name alone, without gs://`},
		"a bucket beside disks":             {[]string{"cache", `{"mode":"disk","bucket":"team-models"}`}, `config sglang-tpu:cache.bucket: "team-models" is allowed only with mode gcs, and mode is disk`},
		"a folder of one's own bucket":      {[]string{"cache", `{"prefix":"coder"}`}, `config sglang-tpu:cache.prefix: "coder" is allowed only in a shared bucket`},
		"a folder above":                    {[]string{"cache", `{"bucket":"team-models","prefix":"../others"}`}, `config sglang-tpu:cache.prefix: "../others" is not a folder of a bucket`},
		"a mount option":                    {[]string{"cache", `{"bucket":"team-models","prefix":"a,debug_fuse"}`}, `"a,debug_fuse" is not a folder of a bucket`},
		"a registry's address":              {[]string{"image", `{"registry":"us-central1-docker.pkg.dev/p/images"}`}, `config sglang-tpu:image.registry: "us-central1-docker.pkg.dev/p/images" is not a repository of Artifact Registry; use projects/P/locations/L/repositories/R`},
		"a registry far away":               {[]string{"image", `{"registry":"projects/p/locations/europe-west4/repositories/images"}`}, `is in europe-west4, and the nodes are in us-central1: each pull would be slow and cost money`},
		"a registry that nothing goes to":   {[]string{"image", `{"source":"mirror","version":"v0.1.0","registry":"projects/p/locations/us/repositories/images"}`}, `is allowed only with source build, and source is mirror`},
		"no such layer":                     {[]string{"layer", "cluster"}, `config sglang-tpu:layer: "cluster" is not a layer; use all, platform or endpoint`},
		"an endpoint of nothing":            {[]string{"layer", "endpoint"}, `config sglang-tpu:platform: is empty, but layer is endpoint; name the stack of the platform`},
		"a platform in one stack":           {[]string{"platform", "organization/sglang-tpu/base"}, `config sglang-tpu:platform: "organization/sglang-tpu/base" is allowed only with layer endpoint, and layer is all`},
		"a stack's short name":              {[]string{"layer", "endpoint", "platform", "base"}, `config sglang-tpu:platform: "base" is not the full name of a stack; use ORGANIZATION/PROJECT/STACK`},
		"a model of a platform":             {[]string{"layer", "platform", "model", "team/model"}, `config sglang-tpu:model: "team/model" is a setting of an endpoint, and layer is platform; set it in the stack of an endpoint`},
		"an image of a platform":            {[]string{"layer", "platform", "image", `{"source":"mirror","version":"v0.1.0"}`}, `config sglang-tpu:image.source: "mirror" is a setting of an endpoint, and layer is platform`},
		"a network of an endpoint":          {[]string{"layer", "endpoint", "platform", "a/b/c", "network", `{"pods":"10.16.0.0/14"}`}, `config sglang-tpu:network: is a setting of the platform, and layer is endpoint; set it in the stack of the platform`},
		"an account of an endpoint's nodes": {[]string{"layer", "endpoint", "platform", "a/b/c", "serviceAccounts", `{"nodes":"team-a@my-project.iam.gserviceaccount.com"}`}, `config sglang-tpu:serviceAccounts.nodes: "team-a@my-project.iam.gserviceaccount.com" is a setting of the platform, and layer is endpoint`},
		"an adopted network":                {[]string{"adopt", `{"network":"projects/my-project/global/networks/n"}`}, `config sglang-tpu:adopt.network: "projects/my-project/global/networks/n" is under a name that cannot be adopted; use cluster, cluster-system, or slice-0`},
		"an adopted name":                   {[]string{"adopt", `{"cluster":"team"}`}, `config sglang-tpu:adopt.cluster: "team" is not the ID of a cluster; use projects/P/locations/L/clusters/C`},
		"a pool for a cluster":              {[]string{"adopt", `{"cluster":"projects/my-project/locations/l/clusters/c/nodePools/n"}`}, `is not the ID of a cluster`},
		"adopted from another project":      {[]string{"adopt", `{"cluster":"projects/other/locations/l/clusters/c"}`}, `is not in gcp:project, which is my-project`},
		"used and adopted":                  {[]string{"cluster", team, "adopt", `{"cluster":"projects/my-project/locations/l/clusters/c"}`}, `is for a resource that this stack does not have; remove it`},
		"an adopted option":                 {[]string{"adopt", `{"slice-0":"projects/my-project/locations/l/clusters/c/nodePools/n"}`, "capacityFallbacks", `[{"mode":"on-demand"}]`}, `cannot be adopted while capacityFallbacks is set`},
		"fallbacks of others' slices":       {[]string{"cluster", `{"existing":{"name":"team","nodePools":["a"]}}`, "capacityFallbacks", `[{"mode":"on-demand"}]`}, `config sglang-tpu:capacityFallbacks: applies only to slices that this program creates`},
		"fallbacks of a platform":           {[]string{"layer", "platform", "capacityFallbacks", `[{"mode":"on-demand"}]`}, `config sglang-tpu:capacityFallbacks: is a setting of an endpoint, and layer is platform`},
		"a slice too many":                  {[]string{"adopt", `{"slice-1":"projects/my-project/locations/l/clusters/c/nodePools/n"}`}, `is for a slice that this stack does not have: replicas is 1; raise replicas`},
		"somebody's namespace":              {[]string{"namespace", "kube-system"}, `config sglang-tpu:namespace: "kube-system" is used by others, but this program would create and delete it`},
		"no namespace":                      {[]string{"namespace", "Team A"}, `config sglang-tpu:namespace: "Team A" is not a valid namespace name`},
	} {
		t.Run(name, func(t *testing.T) {
			values := configtest.Minimal(t)
			for i := 0; i < len(test.set); i += 2 {
				values = values.With(ours+test.set[i], test.set[i+1])
			}
			_, err := load(values)
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.says)
		})
	}
}

func TestExistingResourcesAreAcceptedAloneAndTogether(t *testing.T) {
	network := `{"existing":{"project":"network-team","network":"corporate","subnetwork":"ml","podsRange":"pods","servicesRange":"services","firewallRule":false}}`
	for name, set := range map[string][]string{
		"a network":    {"network", network},
		"a cluster":    {"cluster", `{"existing":{"name":"team","location":"us-central1-c","nodePools":["a"],"leaderWorkerSet":true}}`},
		"both":         {"cluster", `{"existing":{"name":"team"}}`, "network", `{"existing":{"network":"corporate","subnetwork":"ml"}}`},
		"a bucket":     {"cache", `{"bucket":"team-models","prefix":"team-a/coder"}`},
		"a repository": {"image", `{"registry":"projects/other/locations/us/repositories/images"}`},
		"accounts":     {"serviceAccounts", `{"nodes":"team-nodes@my-project.iam.gserviceaccount.com","builder":"team-b@my-project.iam.gserviceaccount.com"}`},
		"a platform":   {"layer", "platform", "network", network, "systemPool", `{"nodes":3}`},
		"an endpoint":  {"layer", "endpoint", "platform", "organization/sglang-tpu/base", "model", "Qwen/Qwen3-8B", "cache", `{"prefix":"shared"}`, "namespace", "team-a"},
	} {
		t.Run(name, func(t *testing.T) {
			values := configtest.Minimal(t)
			for i := 0; i < len(set); i += 2 {
				values = values.With("sglang-tpu:"+set[i], set[i+1])
			}
			_, err := load(values)
			require.NoError(t, err)
		})
	}
}

// A platform does not know its endpoints, some of whose slices upgrades would end.
func TestAPlatformKeepsSlicesFromUpgrades(t *testing.T) {
	c, err := load(configtest.Minimal(t).With("sglang-tpu:layer", "platform"))
	require.NoError(t, err)
	assert.Equal(t, "keep-slices", c.Maintenance.Exclusions[0].Name)
	assert.Empty(t, c.Warnings, "it serves nothing that could surprise")
}
