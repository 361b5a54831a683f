package stacks

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/infra/lws"
	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/spec/existing"
)

const (
	firewallType  = "gcp:compute/firewall:Firewall"
	networkType   = "gcp:compute/network:Network"
	namespaceType = "kubernetes:core/v1:Namespace"
)

// answer returns the same to every call of a lookup.
func answer(token string, values map[string]any) pulumitest.Option {
	return pulumitest.WithAnswer(token, func(map[string]any) (map[string]any, error) { return values, nil })
}

func list(values map[string]any) []any { return []any{values} }

// theirs answers for what somebody else made, all of which fits.
func theirs() []pulumitest.Option {
	return []pulumitest.Option{
		answer("gcp:compute/getNetwork:getNetwork", map[string]any{"id": "n", "name": "corporate"}),
		answer("gcp:compute/getSubnetwork:getSubnetwork", map[string]any{
			"id": "s", "network": "https://www.googleapis.com/compute/v1/projects/network-team/global/networks/corporate",
			"ipCidrRange": "10.100.0.0/20", "privateIpGoogleAccess": true,
			"secondaryIpRanges": []any{
				map[string]any{"rangeName": "pods", "ipCidrRange": "10.104.0.0/14"}, map[string]any{"rangeName": "services", "ipCidrRange": "10.108.0.0/20"},
			},
		}),
		answer("gcp:container/getCluster:getCluster", map[string]any{
			"id": "c", "name": "team", "masterVersion": "1.35.2-gke.1", "datapathProvider": "ADVANCED_DATAPATH",
			"network": "projects/network-team/global/networks/corporate", "subnetwork": "projects/network-team/regions/us-central1/subnetworks/ml",
			"workloadIdentityConfigs":      list(map[string]any{"workloadPool": "my-project.svc.id.goog"}),
			"controlPlaneEndpointsConfigs": list(map[string]any{"dnsEndpointConfigs": list(map[string]any{"endpoint": "gke-1.example", "allowExternalTraffic": true})}),
			"addonsConfigs":                list(map[string]any{"gcsFuseCsiDriverConfigs": list(map[string]any{"enabled": true}), "gcePersistentDiskCsiDriverConfigs": list(map[string]any{"enabled": true})}),
			"privateClusterConfigs":        list(map[string]any{"masterIpv4CidrBlock": "172.16.0.0/28"}),
			"monitoringConfigs":            list(map[string]any{"managedPrometheuses": list(map[string]any{"enabled": true})}),
			"nodePools": append(list(map[string]any{
				"name": "cpu", "nodeConfigs": list(map[string]any{"machineType": "e2-standard-8", "serviceAccount": "cpu-nodes@my-project.iam.gserviceaccount.com"}),
			}), map[string]any{
				"name": "their-slice", "nodeCount": 2, "nodeLocations": []any{"us-central1-c"},
				"placementPolicies": list(map[string]any{"tpuTopology": "2x2x2"}),
				"nodeConfigs": list(map[string]any{
					"machineType": "tpu7x-standard-4t", "serviceAccount": "their-nodes@my-project.iam.gserviceaccount.com",
					"workloadMetadataConfigs": list(map[string]any{"mode": "GKE_METADATA"}),
				}),
			}),
		}),
		answer("gcp:serviceaccount/getAccount:getAccount", map[string]any{"id": "a", "email": "a@my-project.iam.gserviceaccount.com"}),
		answer("gcp:storage/getBucket:getBucket", map[string]any{"id": "b", "location": "US-CENTRAL1", "uniformBucketLevelAccess": true}),
		answer("gcp:artifactregistry/getRepository:getRepository", map[string]any{"id": "r", "format": "DOCKER"}),
	}
}

// onGround runs a stack on what somebody else made, with a controller of this version there.
func onGround(t *testing.T, values configtest.Values, opts ...pulumitest.Option) (*pulumitest.Graph, error) {
	t.Helper()
	e := &Endpoint{controller: func(_ context.Context, kubeconfig string) (existing.Controller, error) {
		assert.Contains(t, kubeconfig, "https://gke-1.example")
		return existing.Controller{Installed: true, Version: "v" + lws.Version, Ready: true}, nil
	}}
	return pulumitest.TryRun(e.Serving, values, append(theirs(), opts...)...)
}

const (
	theirCluster = `{"existing":{"name":"team"}}`
	theirNetwork = `{"existing":{"project":"network-team","network":"corporate","subnetwork":"ml","podsRange":"pods","servicesRange":"services"}}`
)

func valuesOf(g *pulumitest.Graph, typ, path string) []string {
	var all []string
	for _, r := range g.OfType(typ) {
		all = append(all, r.Value(path).(string))
	}
	return all
}

func TestAClusterOfTheStacksOwnIsInANetworkOfOthers(t *testing.T) {
	values := configtest.Minimal(t).With("sglang-tpu:network", theirNetwork)
	g, err := onGround(t, values)
	require.NoError(t, err)
	made := g.Get(t, clusterType, "cluster")
	assert.Equal(t, "projects/network-team/global/networks/corporate", made.Value("network"))
	assert.Equal(t, "projects/network-team/regions/us-central1/subnetworks/ml", made.Value("subnetwork"))
	assert.Equal(t, "pods", made.Value("ipAllocationPolicy.clusterSecondaryRangeName"))
	rule := g.Get(t, firewallType, "network-webhooks")
	assert.Equal(t, "network-team", rule.Value("project"))
	assert.Equal(t, "projects/network-team/global/networks/corporate", rule.Value("network"))
	assert.Empty(t, g.OfType(networkType))
	assert.Empty(t, g.OfType("gcp:compute/subnetwork:Subnetwork"))
	assert.Empty(t, g.OfType("gcp:compute/routerNat:RouterNat"))
	assert.Contains(t, valuesOf(g, namespaceType, "metadata.name"), "sglang", "the cluster is its own")

	g, err = onGround(t, values.With("sglang-tpu:network", strings.Replace(theirNetwork, `"project"`, `"firewallRule":false,"project"`, 1)))
	require.NoError(t, err)
	assert.Empty(t, g.OfType(firewallType))
}

func TestAnEndpointInAClusterOfOthersAddsOnlyWhatIsItsOwn(t *testing.T) {
	g, err := onGround(t, configtest.Minimal(t).With("sglang-tpu:cluster", theirCluster))
	require.NoError(t, err)
	for _, typ := range []string{clusterType, networkType, firewallType} {
		assert.Empty(t, g.OfType(typ))
	}
	pool := g.Get(t, nodePoolType, "slice-0")
	require.Len(t, g.OfType(nodePoolType), 1, "no system pool")
	assert.Equal(t, "projects/my-project/locations/us-central1/clusters/team", pool.Value("cluster"))
	assert.Equal(t, "sglang-tpu-test", pool.Value(`nodeConfig.labels["sglang-tpu/endpoint"]`))
	assert.Equal(t, "sglang-tpu-test-nodes", g.Get(t, "gcp:serviceaccount/account:Account", "cluster-nodes").Value("accountId"))
	assert.ElementsMatch(t, []string{"sglang-test", "sglang-test-build", "lws-system"}, valuesOf(g, namespaceType, "metadata.name"))
	set := g.OfType(setType)[0]
	assert.Equal(t, "sglang-tpu-test", set.Value(`spec.leaderWorkerTemplate.leaderTemplate.spec.nodeSelector["sglang-tpu/endpoint"]`), "no other endpoint's slice")
	assert.Equal(t, "8", g.Get(t, "kubernetes:core/v1:ResourceQuota", "serving-quota").Value(`spec.hard["requests.google.com/tpu"]`))
	for _, title := range valuesOf(g, "gcp:monitoring/alertPolicy:AlertPolicy", "displayName") {
		assert.True(t, strings.HasPrefix(title, "sglang-tpu-test: "), title)
	}
	query := g.Get(t, "gcp:monitoring/alertPolicy:AlertPolicy", "monitoring-alert-no-answer").Value("conditions[0].conditionPrometheusQueryLanguage.query")
	assert.Contains(t, query, `cluster="team",namespace="sglang-test"`)
}

func TestAllThatOthersMadeIsUsedAndNothingGivenUnlessAsked(t *testing.T) {
	values := configtest.Minimal(t).With(
		"sglang-tpu:cluster", `{"existing":{"name":"team","nodePools":["their-slice"],"leaderWorkerSet":true}}`,
		"sglang-tpu:network", `{"existing":{"project":"network-team","network":"corporate","subnetwork":"ml"}}`,
		"sglang-tpu:cache", `{"bucket":"team-models","prefix":"coder"}`,
		"sglang-tpu:image", `{"registry":"projects/other/locations/us/repositories/team-images"}`,
		"sglang-tpu:serviceAccounts", `{"builder":"team-builder@my-project.iam.gserviceaccount.com"}`,
		"sglang-tpu:monitoring", `{"enabled":false}`,
	)
	g, err := onGround(t, values)
	require.NoError(t, err)
	for _, typ := range []string{clusterType, nodePoolType, networkType, firewallType, "gcp:storage/bucket:Bucket", "gcp:serviceaccount/account:Account", "gcp:projects/iAMMember:IAMMember", "gcp:storage/bucketIAMMember:BucketIAMMember", "gcp:serviceaccount/iAMMember:IAMMember"} {
		assert.Empty(t, g.OfType(typ), typ)
	}
	assert.ElementsMatch(t, []string{"sglang-tpu-test-layers"}, valuesOf(g, "gcp:artifactregistry/repository:Repository", "repositoryId"))
	assert.Equal(t, "us", g.Get(t, "gcp:artifactregistry/repository:Repository", "registry-layers").Value("location"), "beside the images")
	assert.ElementsMatch(t, []string{"image-layers-writer"}, resourceNames(g, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"), "of the repository of this stack alone")
	assert.NotContains(t, valuesOf(g, namespaceType, "metadata.name"), "lws-system")
	set := g.OfType(setType)[0]
	const leader = "spec.leaderWorkerTemplate.leaderTemplate.spec."
	assert.Contains(t, set.Value(leader+"containers[0].image"), "us-docker.pkg.dev/other/team-images/sglang-jax:")
	assert.Equal(t, []any{"their-slice"}, set.Value(leader+"affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values"))
	assert.Equal(t, "team-models", set.Value(leader+"volumes[1].csi.volumeAttributes.bucketName"))
	assert.Contains(t, set.Value(leader+"volumes[1].csi.volumeAttributes.mountOptions"), "only-dir=coder")

	g, err = onGround(t, values.With("sglang-tpu:grantOnExisting", "true"))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"cache-server", "cache-download"}, resourceNames(g, "gcp:storage/bucketIAMMember:BucketIAMMember"))
	assert.Equal(t, "serviceAccount:my-project.svc.id.goog[sglang-test/sglang]", g.Get(t, "gcp:storage/bucketIAMMember:BucketIAMMember", "cache-server").Value("member"))
	assert.ElementsMatch(t, []string{"image-writer", "image-layers-writer", "registry-reader", "registry-reader-cpu-nodes"}, resourceNames(g, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"))
	writer := g.Get(t, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "image-writer")
	assert.Equal(t, []any{"other", "us", "team-images"}, []any{writer.Value("project"), writer.Value("location"), writer.Value("repository")})
	reader := g.Get(t, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "registry-reader")
	assert.Equal(t, "serviceAccount:their-nodes@my-project.iam.gserviceaccount.com", reader.Value("member"))
	assert.Equal(t, "projects/my-project/serviceAccounts/team-builder@my-project.iam.gserviceaccount.com",
		g.Get(t, "gcp:serviceaccount/iAMMember:IAMMember", "image-workload-identity").Value("serviceAccountId"))
}

func resourceNames(g *pulumitest.Graph, typ string) []string {
	var all []string
	for _, r := range g.OfType(typ) {
		all = append(all, r.Name)
	}
	return all
}

func TestWhatCannotBeLookedUpIsSaidAllAtOnceBeforeTheFirstResource(t *testing.T) {
	gone := func(token string) pulumitest.Option {
		return pulumitest.WithAnswer(token, func(map[string]any) (map[string]any, error) { return nil, errors.New("not found") })
	}
	values := configtest.Minimal(t).With(
		"sglang-tpu:cluster", theirCluster, "sglang-tpu:network", `{"existing":{"network":"corporate","subnetwork":"ml"}}`,
		"sglang-tpu:cache", `{"bucket":"team-models"}`,
		"sglang-tpu:image", `{"registry":"projects/other/locations/us/repositories/team-images"}`,
		"sglang-tpu:serviceAccounts", `{"nodes":"team-nodes@my-project.iam.gserviceaccount.com","builder":"team-builder@my-project.iam.gserviceaccount.com"}`,
	)
	g, err := onGround(t, values, gone("gcp:compute/getSubnetwork:getSubnetwork"), gone("gcp:container/getCluster:getCluster"),
		gone("gcp:serviceaccount/getAccount:getAccount"), gone("gcp:storage/getBucket:getBucket"),
		answer("gcp:artifactregistry/getRepository:getRepository", map[string]any{}))
	var refused Refused
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused, 6)
	for _, says := range []string{
		`network.existing.subnetwork: "ml" cannot be looked up as a subnetwork of us-central1 in project my-project (not found); check the name with gcloud compute networks subnets list`,
		`cluster.existing.name: "team" cannot be looked up as a cluster of us-central1 in project my-project`,
		`serviceAccounts.nodes: "team-nodes@my-project.iam.gserviceaccount.com" cannot be looked up`, `serviceAccounts.builder: `,
		`cache.bucket: "team-models" cannot be looked up as a bucket`, "(there is none); check the name with gcloud artifacts repositories list --project other --location us",
	} {
		assert.Contains(t, refused.Error(), says)
	}
	for _, r := range g.All() {
		assert.True(t, strings.HasPrefix(r.Type, "pulumi:"), "%s %s", r.Type, r.Name)
	}
}

func TestAControllerThatCannotBeAskedIsSaid(t *testing.T) {
	values := configtest.Minimal(t).With("sglang-tpu:cluster", `{"existing":{"name":"team","leaderWorkerSet":true}}`)
	for name, test := range map[string]struct {
		controller existing.Controller
		err        error
		says       string
	}{
		"no answer": {existing.Controller{}, errors.New("no route to host"), "cannot be checked: the cluster does not answer (no route to host)"},
		"too old":   {existing.Controller{Installed: true, Version: "v0.8.0", Ready: true}, nil, "of version v0.8.0, which lacks what tpu7x needs"},
	} {
		e := &Endpoint{controller: func(context.Context, string) (existing.Controller, error) { return test.controller, test.err }}
		_, err := pulumitest.TryRun(e.Serving, values, theirs()...)
		require.ErrorContains(t, err, test.says, name)
	}
}

func TestWhatWasMadeByHandIsImportedAndLeftAsItIs(t *testing.T) {
	const cluster = "projects/my-project/locations/us-central1/clusters/handmade"
	g, err := pulumitest.TryRun(new(Endpoint).Serving, configtest.Minimal(t).With(
		"sglang-tpu:adopt", `{"cluster":"`+cluster+`","slice-0":"`+cluster+`/nodePools/tpu"}`, "sglang-tpu:replicas", "2"))
	require.NoError(t, err)
	for name, id := range map[string]string{"cluster": cluster, "slice-0": cluster + "/nodePools/tpu"} {
		typ := nodePoolType
		if name == "cluster" {
			typ = clusterType
		}
		r := g.Get(t, typ, name)
		assert.Equal(t, id, r.RPC.GetImportId())
		assert.Contains(t, r.IgnoresChanges(), "*")
	}
	for _, other := range []string{"slice-1", "cluster-system"} {
		assert.Empty(t, g.Get(t, nodePoolType, other).RPC.GetImportId())
		assert.NotContains(t, g.Get(t, nodePoolType, other).IgnoresChanges(), "*")
	}
	alert := g.Get(t, "gcp:monitoring/alertPolicy:AlertPolicy", "monitoring-alert-slice-lost").Value("conditions[0].conditionPrometheusQueryLanguage.query")
	assert.Contains(t, alert, `cluster_name="handmade",node_pool_name=~"tpu|sglang-tpu-test-slice-1"`)
}
