// Package stacks defines the stacks of this program: all layers in one, a platform, or an
// endpoint on the platform of another stack.
package stacks

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"sglang-tpu/infra/apis"
	"sglang-tpu/infra/hftoken"
	"sglang-tpu/infra/serving"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/settings"
)

// endpointLabel is a label of the nodes of slices in a shared cluster.
const endpointLabel = "sglang-tpu/endpoint"

// stack is what all parts of a stack share.
type stack struct {
	*settings.Config
	ctx    *pulumi.Context
	cloud  names.Cloud
	spaces names.Namespaces
	google *gcp.Provider
	common pulumi.ResourceOption // of every resource
	shared bool                  // whether other endpoints may run in the cluster
}

// Serving registers the resources of a stack: by default an endpoint of one model on TPU
// v7x, from the network to the Service. The README has a picture of these parts.
//
// It does not wait for the pods: Await of the returned Endpoint does.
func (e *Endpoint) Serving(ctx *pulumi.Context) error {
	c, err := settings.Load(settings.Source{Project: ctx.Project(), Get: ctx.GetConfig, IsSecret: ctx.IsConfigSecret, Keys: configured()})
	project, _ := ctx.GetConfig("gcp:project")
	cloud, wrong := names.ForStack(ctx.Stack(), project)
	if problems := append(problem.Of("", err), problem.Of("", wrong)...); len(problems) > 0 {
		return located(ctx, problems)
	}
	s := &stack{Config: c, ctx: ctx, cloud: cloud, shared: gke.Shared(c.Layer, c.Cluster.Existing)}
	s.spaces = names.NamespacesFor(ctx.Stack(), c.Namespace, s.shared)
	if err := s.logWarnings(); err != nil {
		return err
	}
	s.google, err = gcp.NewProvider(ctx, "google", &gcp.ProviderArgs{
		Project: pulumi.String(c.Project), Region: pulumi.String(c.Region), Zone: pulumi.String(c.Zone),
	})
	if err != nil {
		return err
	}
	found, err := s.lookUp(e.controller)
	if err != nil {
		return err
	}
	if err := s.adopt(); err != nil {
		return err
	}
	s.common = pulumi.Composite(pulumi.Provider(s.google), pulumi.Protect(c.Protect))
	enabled, err := apis.New(ctx, "services", &apis.Args{Project: c.Project, Optional: optionalAPIs(c)}, pulumi.Provider(s.google))
	if err != nil {
		return err
	}
	// All of Google's resources wait for the APIs: in a new project, other creates could
	// fail with "... API has not been used in project ... before or it is disabled".
	s.common = pulumi.Composite(s.common, pulumi.DependsOn(enabled.Dependencies))
	p, err := s.platform(found)
	if err != nil {
		return err
	}
	if c.Layer == gke.Platform {
		return s.exportPlatform(p, found)
	}
	return e.serve(s, p)
}

// optionalAPIs returns the APIs that only this configuration needs.
func optionalAPIs(c *settings.Config) []string {
	var needed []string
	if c.Monitoring.Enabled {
		needed = append(needed, "monitoring.googleapis.com")
	}
	if c.HFTokenSecret != "" {
		needed = append(needed, "secretmanager.googleapis.com")
	}
	return needed
}

// serve registers the endpoint on a platform.
func (e *Endpoint) serve(s *stack, p *platform) error {
	// From here on, only the LeaderWorkerSet itself waits for the slices.
	slices, err := s.slices(p)
	if err != nil {
		return err
	}
	inCluster := p.inCluster(s)
	slices, err = s.computeClass(slices, inCluster)
	if err != nil {
		return err
	}
	controller, err := p.controller(s, inCluster)
	if err != nil {
		return err
	}
	reference, built, err := s.serverImage(p)
	if err != nil {
		return err
	}
	cached, err := s.cacheStorage(p)
	if err != nil {
		return err
	}
	args := &serving.Args{
		Namespace: s.spaces.Serving, Name: s.LeaderWorkerSet, Image: reference, ImageDependencies: built,
		Arguments: s.Arguments, Environment: s.ServerEnvironment, WeightsGiB: s.Model.RepositoryGiB,
		Topology: s.Topology, Replicas: s.Replicas, ComputeClass: s.className(),
		Storage: cached, Ready: s.Ready, Notice: s.Options().Notice(),
		Shared: s.shared, Slices: serving.Slices{Labels: s.nodeLabels(), Pools: s.Cluster.Existing.NodePools},
	}
	if s.HFTokenSecret != "" {
		token, err := hftoken.New(s.ctx, "token", &hftoken.Args{
			Version: s.HFTokenSecret, WorkloadPool: p.gke.WorkloadPool, Namespace: s.spaces.Serving, Account: cached.TokenReader(),
		}, s.common)
		if err != nil {
			return err
		}
		args.HFTokenSecret = &serving.TokenSecret{Version: s.HFTokenSecret, Dependencies: token.Dependencies}
	}
	if s.HFToken != "" {
		args.HFToken = pulumiconfig.RequireSecret(s.ctx, string(s.HFToken))
	}
	if s.APIKey != "" {
		args.APIKey = pulumiconfig.RequireSecret(s.ctx, string(s.APIKey))
	}
	// In the namespace, only the LeaderWorkerSet waits for the controller. On destroy, it is
	// deleted first, in the foreground: once it is gone, so are its pods, whose deletion
	// needs the controller's webhooks.
	args.PodDependencies = append(slices, controller...)
	server, err := serving.New(s.ctx, "serving", args, inCluster)
	if err != nil {
		return err
	}
	e.expect(s, server, p.gke.Kubeconfig)
	for _, some := range []pulumi.Map{s.outputs(p, reference), s.capacityOutputs()} {
		for name, value := range some {
			s.ctx.Export(name, value)
		}
	}
	if !s.Monitoring.Enabled {
		return nil
	}
	return s.watch(p, server, inCluster)
}

// nodeLabels returns the labels that distinguish the nodes of this endpoint's slices from
// those of others; nil in a cluster that is not shared.
func (s *stack) nodeLabels() map[string]string {
	if !s.shared || len(s.Cluster.Existing.NodePools) > 0 {
		return nil
	}
	return map[string]string{endpointLabel: s.cloud.Base}
}
