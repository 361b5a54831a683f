package existing

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/spec/problem"
)

func fits() (ClusterNeeds, Cluster) {
	needs := ClusterNeeds{
		Project: "p", Region: "us-central1", Zone: "us-central1-c", Bucket: true, Secrets: true, Monitoring: true,
		Network: "corporate", Subnetwork: "ml", Slices: []string{"tpu"}, MachineType: "tpu7x-standard-4t", Topology: "2x2x2", Hosts: 2,
	}
	return needs, Cluster{
		Name: "team", Location: "us-central1", Version: "1.35.2-gke.1", WorkloadPool: "p.svc.id.goog", DNSEndpoint: "gke-1.example", External: true,
		FuseDriver: true, DiskDriver: true, SecretManager: true, Prometheus: true, NetworkPolicy: true, Network: "corporate", Subnetwork: "ml",
		NodePools: []NodePool{
			{Name: "cpu", MachineType: "e2-standard-8", Nodes: 1, Zones: []string{"us-central1-c"}},
			{Name: "tpu", MachineType: "tpu7x-standard-4t", Topology: "2x2x2", Nodes: 2, Zones: []string{"us-central1-c"}, MetadataServer: true},
		},
	}
}

func TestASuitableClusterIsAccepted(t *testing.T) {
	needs, cluster := fits()
	assert.Empty(t, needs.Check(cluster))
	assert.Empty(t, cluster.Warnings())
	cluster.Location = "us-central1-c"
	assert.Empty(t, needs.Check(cluster), "a zonal cluster")
	cluster.NodePools[1].Autoscaled, cluster.NodePools[1].Nodes = true, 0
	assert.Empty(t, needs.Check(cluster), "a slice that Google queues")
}

func TestEveryUnsuitablePropertyIsReportedByKey(t *testing.T) {
	const cluster, pools = "sglang-tpu:cluster.existing.name", "sglang-tpu:cluster.existing.nodePools[0]"
	for name, test := range map[string]struct {
		change func(*ClusterNeeds, *Cluster)
		key    string
		says   []string
	}{
		"Autopilot":        {func(_ *ClusterNeeds, c *Cluster) { c.Autopilot = true }, cluster, []string{"is an Autopilot cluster", "use a Standard cluster"}},
		"another region":   {func(_ *ClusterNeeds, c *Cluster) { c.Location = "europe-west4" }, cluster, []string{"is in europe-west4, and gcp:zone is in us-central1"}},
		"an old version":   {func(_ *ClusterNeeds, c *Cluster) { c.Version = "1.34.0-gke.1000000" }, cluster, []string{"tpu7x needs 1.34.0-gke.2201000", "--master"}},
		"no identities":    {func(_ *ClusterNeeds, c *Cluster) { c.WorkloadPool = "" }, cluster, []string{"has no Workload Identity", "--workload-pool p.svc.id.goog"}},
		"no endpoint":      {func(_ *ClusterNeeds, c *Cluster) { c.DNSEndpoint = "" }, cluster, []string{"has no DNS endpoint", "--enable-dns-access"}},
		"a closed one":     {func(_ *ClusterNeeds, c *Cluster) { c.External = false }, cluster, []string{"has no DNS endpoint for external clients"}},
		"no FUSE driver":   {func(_ *ClusterNeeds, c *Cluster) { c.FuseDriver = false }, cluster, []string{"--update-addons GcsFuseCsiDriver=ENABLED"}},
		"no disks":         {func(n *ClusterNeeds, c *Cluster) { n.Bucket, c.DiskDriver = false, false }, cluster, []string{"has no driver for persistent disks, which cache.mode disk needs"}},
		"no secrets":       {func(_ *ClusterNeeds, c *Cluster) { c.SecretManager = false }, cluster, []string{"has no Secret Manager add-on", "--enable-secret-manager"}},
		"no metrics":       {func(_ *ClusterNeeds, c *Cluster) { c.Prometheus = false }, cluster, []string{"--enable-managed-prometheus, or set monitoring.enabled to false"}},
		"another network":  {func(n *ClusterNeeds, _ *Cluster) { n.Network = "other" }, NetworkKey + ".network", []string{`"other" is not the network of cluster team, which uses corporate`}},
		"another subnet":   {func(n *ClusterNeeds, _ *Cluster) { n.Subnetwork = "other" }, NetworkKey + ".subnetwork", []string{"is not the subnetwork of cluster team, which uses ml"}},
		"no such pool":     {func(n *ClusterNeeds, _ *Cluster) { n.Slices[0] = "tpus" }, pools, []string{"is not a node pool of cluster team; use one of cpu, tpu"}},
		"a CPU pool":       {func(n *ClusterNeeds, _ *Cluster) { n.Slices[0] = "cpu" }, pools, []string{"has machine type e2-standard-8, and the topology needs tpu7x-standard-4t"}},
		"another topology": {func(n *ClusterNeeds, _ *Cluster) { n.Topology = "2x2x4" }, pools, []string{"has the topology 2x2x2, and sglang-tpu:topology is 2x2x4"}},
		"TPUs alone":       {func(_ *ClusterNeeds, c *Cluster) { c.NodePools = c.NodePools[1:] }, cluster, []string{"has no node pool without TPUs, where controllers and Jobs run"}},
		"half a slice":     {func(_ *ClusterNeeds, c *Cluster) { c.NodePools[1].Nodes = 1 }, pools, []string{"has 1 nodes, but the slice has 2 hosts"}},
		"another zone":     {func(_ *ClusterNeeds, c *Cluster) { c.NodePools[1].Zones = []string{"us-central1-a"} }, pools, []string{"is in us-central1-a, and gcp:zone is us-central1-c"}},
		"no tokens":        {func(_ *ClusterNeeds, c *Cluster) { c.NodePools[1].MetadataServer = false }, pools, []string{"--workload-metadata GKE_METADATA"}},
	} {
		t.Run(name, func(t *testing.T) {
			needs, c := fits()
			test.change(&needs, &c)
			found := needs.Check(c)
			assert.Len(t, found, 1, found.Error())
			assert.Equal(t, test.key, found[0].Key)
			for _, text := range test.says {
				assert.Contains(t, found.Error(), text)
			}
		})
	}
	needs, c := fits()
	c.WorkloadPool, c.FuseDriver, needs.Network, needs.Slices[0] = "", false, "other", "tpus"
	assert.Len(t, needs.Check(c), 4, "all at once")
	c.NetworkPolicy = false
	assert.Contains(t, c.Warnings().Error(), "does not enforce NetworkPolicies")
}

func TestAccountsAreThoseOfNodesOnWhichJobsRun(t *testing.T) {
	c := Cluster{NodePools: []NodePool{
		{MachineType: "e2-standard-8", ServiceAccount: "a@p.iam.gserviceaccount.com"},
		{MachineType: "n2-standard-8", ServiceAccount: "a@p.iam.gserviceaccount.com"},
		{MachineType: "c3-standard-8", ServiceAccount: "default"},
		{MachineType: "tpu7x-standard-4t", ServiceAccount: "t@p.iam.gserviceaccount.com"},
	}}
	assert.Equal(t, []string{"a@p.iam.gserviceaccount.com"}, c.Accounts())
}

func TestASubnetworkHasItsRanges(t *testing.T) {
	needs := SubnetworkNeeds{Network: "corporate", PodsRange: "pods", ServicesRange: "services", ControlPlane: "172.16.0.0/28"}
	subnet := Subnetwork{
		Name: "ml", Network: "corporate", Range: "10.0.0.0/20", PrivateGoogleAccess: true,
		Secondary: map[string]string{"pods": "10.4.0.0/14", "services": "10.8.0.0/20"},
	}
	assert.Empty(t, needs.Check(subnet))
	for name, test := range map[string]struct {
		change func(*SubnetworkNeeds, *Subnetwork)
		says   string
	}{
		"another network": {func(_ *SubnetworkNeeds, s *Subnetwork) { s.Network = "default" }, `network.existing.subnetwork: "ml" is in network default, and network.existing.network is corporate`},
		"no access":       {func(_ *SubnetworkNeeds, s *Subnetwork) { s.PrivateGoogleAccess = false }, "--enable-private-ip-google-access"},
		"no such range":   {func(n *SubnetworkNeeds, _ *Subnetwork) { n.PodsRange = "gke" }, `network.existing.podsRange: "gke" is not a secondary range of subnetwork ml; use one of pods, services`},
		"no range at all": {func(n *SubnetworkNeeds, s *Subnetwork) {
			delete(s.Secondary, "services")
			n.PodsRange = "services"
			delete(s.Secondary, "pods")
		}, "create one: there is none"},
		"taken addresses": {func(n *SubnetworkNeeds, _ *Subnetwork) { n.ControlPlane = "10.8.0.0/28" }, `network.controlPlane: "10.8.0.0/28" overlaps the range of services in subnetwork ml (10.8.0.0/20)`},
	} {
		n, s := needs, subnet
		s.Secondary = map[string]string{"pods": "10.4.0.0/14", "services": "10.8.0.0/20"}
		test.change(&n, &s)
		assert.Contains(t, n.Check(s).Error(), test.says, name)
	}
	needs.PodsRange, needs.ServicesRange = "", ""
	subnet.PrivateGoogleAccess = false
	assert.Empty(t, needs.Check(subnet), "of a cluster that runs there already")
}

func TestFurtherUnsuitableResourcesAreReported(t *testing.T) {
	for name, test := range map[string]struct {
		found problem.List
		says  string // empty: it fits
	}{
		"a bucket":               {Bucket{Name: "b", Location: "US-CENTRAL1", UniformAccess: true}.Check("us-central1"), ""},
		"a multi-region":         {Bucket{Name: "b", Location: "US", UniformAccess: true}.Check("us-central1"), ""},
		"a bucket far away":      {Bucket{Name: "b", Location: "EUROPE-WEST4", UniformAccess: true}.Check("us-central1"), `cache.bucket: "b" is in europe-west4, and the nodes are in us-central1`},
		"a bucket with ACLs":     {Bucket{Name: "b", Location: "US"}.Check("us-central1"), "--uniform-bucket-level-access"},
		"a bucket that is paid":  {Bucket{Name: "b", Location: "US", UniformAccess: true, RequesterPays: true}.Check("us-central1"), "is a Requester Pays bucket"},
		"a repository":           {Repository{"r", "DOCKER", "STANDARD_REPOSITORY"}.Check(), ""},
		"one of packages":        {Repository{"r", "PYTHON", ""}.Check(), "image.registry: \"r\" has the format PYTHON"},
		"a remote one":           {Repository{"r", "DOCKER", "REMOTE_REPOSITORY"}.Check(), "is a remote repository, to which nothing can be pushed"},
		"an account":             {Account{Email: "a"}.Check("nodes"), ""},
		"a disabled one":         {Account{"a", true}.Check("builder"), `serviceAccounts.builder: "a" is disabled; run: gcloud iam service-accounts enable a`},
		"a controller":           {Controller{true, "v0.9.0", true}.Check("0.9.0"), ""},
		"one without a tag":      {Controller{true, "", true}.Check("0.9.0"), ""},
		"no controller":          {Controller{}.Check("0.9.0"), "has no Deployment lws-controller-manager"},
		"an old controller":      {Controller{true, "v0.7.0", true}.Check("0.9.0"), "has version v0.7.0, which lacks what tpu7x needs; ask its owner to update it to 0.9.0 or newer"},
		"one that does not run":  {Controller{true, "v0.9.0", false}.Check("0.9.0"), "kubectl get pods -n lws-system"},
		"a platform":             {PlatformNeeds{"o/p/s", "p", "r", true, true}.Check(Platform{"p", "r", true, true}), ""},
		"one of another project": {PlatformNeeds{"o/p/s", "p", "r", false, false}.Check(Platform{"q", "r", true, true}), `platform: "o/p/s" is in project q, and gcp:project is p`},
		"one of another region":  {PlatformNeeds{"o/p/s", "p", "r", false, false}.Check(Platform{"p", "q", true, true}), "use a zone of q"},
		"one without secrets":    {PlatformNeeds{"o/p/s", "p", "r", true, false}.Check(Platform{"p", "r", false, true}), "Secret Manager add-on"},
		"one without metrics":    {PlatformNeeds{"o/p/s", "p", "r", false, true}.Check(Platform{"p", "r", true, false}), "set monitoring.enabled to false"},
		"nothing there": {
			problem.List{NotFound(BucketKey, "b", "a bucket", errors.New("rpc error: code = Unknown desc = invocation of x: 1 error occurred:\n\t* b not found\n"), "gcloud storage ls")},
			`config sglang-tpu:cache.bucket: "b" cannot be looked up as a bucket (b not found); check the name with gcloud storage ls, and check that you may read the resource`,
		},
	} {
		if test.says == "" {
			assert.Empty(t, test.found, name)
			continue
		}
		assert.Len(t, test.found, 1, name)
		assert.Contains(t, test.found.Error(), test.says, name)
	}
}
