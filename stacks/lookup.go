package stacks

import (
	"cmp"
	"context"
	"path"
	"slices"
	"time"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/compute"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/serviceaccount"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/storage"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/lws"
	"sglang-tpu/spec/existing"
	"sglang-tpu/spec/problem"
	spec "sglang-tpu/spec/storage"
	"sglang-tpu/stacks/rollout"
)

// ground contains the existing resources that the settings name, as the cloud describes
// them; nil for those that are not named.
type ground struct {
	cluster  *existing.Cluster
	platform *platformOutputs
}

// asksController returns the LeaderWorkerSet controller of the cluster in a kubeconfig.
type asksController func(ctx context.Context, kubeconfig string) (existing.Controller, error)

// lookUp looks up all existing resources that the settings name, also in previews, and
// reports all problems at once.
func (s *stack) lookUp(controller asksController) (*ground, error) {
	found := &ground{}
	var ofPlatform, ofCluster problem.List
	found.platform, ofPlatform = s.readPlatform()
	found.cluster, ofCluster = s.checkCluster(controller)
	problems := slices.Concat(ofPlatform, s.checkSubnetwork(), ofCluster,
		s.checkAccount("nodes", s.ServiceAccounts.Nodes), s.checkAccount("builder", s.ServiceAccounts.Builder),
		s.checkBucket(), s.checkRepository())
	if len(problems) > 0 {
		return nil, located(s.ctx, s.Named(problems))
	}
	if found.cluster == nil {
		return found, nil
	}
	return found, s.warn(s.Named(found.cluster.Warnings()))
}

func (s *stack) invoke() pulumi.InvokeOption { return pulumi.Provider(s.google) }

func (s *stack) checkSubnetwork() problem.List {
	e := s.Network.Existing
	if !e.Used() {
		return nil
	}
	project := cmp.Or(e.Project, s.Project)
	network, err := compute.LookupNetwork(s.ctx, &compute.LookupNetworkArgs{Name: e.Network, Project: &project}, s.invoke())
	if err != nil || network.Id == "" {
		return problem.List{existing.NotFound(existing.NetworkKey+".network", e.Network, "a network of project "+project, err,
			"gcloud compute networks list --project "+project)}
	}
	subnetwork, err := compute.LookupSubnetwork(s.ctx, &compute.LookupSubnetworkArgs{Name: &e.Subnetwork, Project: &project, Region: &s.Region}, s.invoke())
	if err != nil || subnetwork.Id == "" {
		return problem.List{existing.NotFound(existing.NetworkKey+".subnetwork", e.Subnetwork, "a subnetwork of "+s.Region+" in project "+project, err,
			"gcloud compute networks subnets list --project "+project+" --filter region:"+s.Region)}
	}
	facts := existing.Subnetwork{
		Name: e.Subnetwork, Network: path.Base(subnetwork.Network), Range: subnetwork.IpCidrRange,
		PrivateGoogleAccess: subnetwork.PrivateIpGoogleAccess, Secondary: map[string]string{},
	}
	for _, r := range subnetwork.SecondaryIpRanges {
		facts.Secondary[r.RangeName] = r.IpCidrRange
	}
	return existing.SubnetworkNeeds{
		Network: e.Network, PodsRange: e.PodsRange, ServicesRange: e.ServicesRange, ControlPlane: s.Network.ControlPlane,
	}.Check(facts)
}

func (s *stack) checkCluster(controller asksController) (*existing.Cluster, problem.List) {
	e := s.Cluster.Existing
	if !e.Used() {
		return nil, nil
	}
	location := cmp.Or(e.Location, s.Region)
	described, err := container.LookupCluster(s.ctx, &container.LookupClusterArgs{Name: e.Name, Location: &location, Project: &s.Project}, s.invoke())
	if err != nil || described.Id == "" {
		return nil, problem.List{existing.NotFound(existing.ClusterKey+".name", e.Name, "a cluster of "+location+" in project "+s.Project, err,
			"gcloud container clusters list --project "+s.Project)}
	}
	facts := clusterFacts(described, location)
	needs := existing.ClusterNeeds{
		Project: s.Project, Region: s.Region, Zone: s.Zone,
		Bucket: s.Cache.Mode == spec.GCS, Secrets: s.HFTokenSecret != "", Monitoring: s.Monitoring.Enabled,
		Network: s.Network.Existing.Network, Subnetwork: s.Network.Existing.Subnetwork,
		Slices: e.NodePools, MachineType: s.Topology.MachineType(), Hosts: s.Topology.Hosts(),
	}
	if s.Topology.MultiHost() {
		needs.Topology = s.Topology.String()
	}
	problems := needs.Check(facts)
	if !e.LeaderWorkerSet || facts.DNSEndpoint == "" {
		return &facts, problems
	}
	return &facts, append(problems, s.checkController(facts, controller)...)
}

// checkController looks up the controller that the settings say is installed.
func (s *stack) checkController(c existing.Cluster, ask asksController) problem.List {
	const key = existing.ClusterKey + ".leaderWorkerSet"
	if ask == nil {
		ask = rollout.Controller
	}
	ctx, cancel := context.WithTimeout(s.ctx.Context(), time.Minute)
	defer cancel()
	controller, err := ask(ctx, cluster.Kubeconfig(c.Name, c.DNSEndpoint))
	if err != nil {
		return problem.List{{
			Key: key, Value: "true", Why: "cannot be checked: the cluster does not answer (" + err.Error() + ")",
			Remedy: "check that you may read Deployments there: kubectl get deployments -n " + lws.Namespace,
		}}
	}
	return controller.Check(lws.Version)
}

func (s *stack) checkAccount(field, email string) problem.List {
	if email == "" {
		return nil
	}
	account, err := serviceaccount.LookupAccount(s.ctx, &serviceaccount.LookupAccountArgs{AccountId: email}, s.invoke())
	if err != nil || account.Email == "" {
		return problem.List{existing.NotFound(existing.AccountsKey+"."+field, email, "a service account", err, "gcloud iam service-accounts describe "+email)}
	}
	return existing.Account{Email: email, Disabled: account.Disabled}.Check(field)
}

func (s *stack) checkBucket() problem.List {
	if s.Cache.Bucket == "" {
		return nil
	}
	bucket, err := storage.LookupBucket(s.ctx, &storage.LookupBucketArgs{Name: s.Cache.Bucket}, s.invoke())
	if err != nil || bucket.Id == "" {
		return problem.List{existing.NotFound(existing.BucketKey, s.Cache.Bucket, "a bucket", err, "gcloud storage buckets describe gs://"+s.Cache.Bucket)}
	}
	return existing.Bucket{
		Name: s.Cache.Bucket, Location: bucket.Location, UniformAccess: bucket.UniformBucketLevelAccess, RequesterPays: bucket.RequesterPays,
	}.Check(s.Region)
}

func (s *stack) checkRepository() problem.List {
	project, location, id, exists := s.Registry()
	if !exists {
		return nil
	}
	repository, err := artifactregistry.LookupRepository(s.ctx, &artifactregistry.LookupRepositoryArgs{Project: &project, Location: location, RepositoryId: id}, s.invoke())
	if err != nil || repository.Id == "" {
		return problem.List{existing.NotFound(existing.RepositoryKey, s.Image.Registry, "a repository", err,
			"gcloud artifacts repositories list --project "+project+" --location "+location)}
	}
	return existing.Repository{Name: s.Image.Registry, Format: repository.Format, Mode: repository.Mode}.Check()
}
