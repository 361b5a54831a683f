// Package stacks holds the one stack of this program.
package stacks

import (
	"encoding/json"
	"os"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"sglang-tpu/infra/apis"
	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/lws"
	"sglang-tpu/infra/network"
	"sglang-tpu/infra/serving"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/settings"
)

const (
	servingNamespace = "sglang"
	builderNamespace = "sglang-build"
	buildMinutes     = 60
)

// Serving is the stack: an endpoint of one model on TPU v7x, from the network to the
// Service. It reads from top to bottom like the picture in the README.
//
// It registers resources; whether pods are ready is for the endpoint that it describes.
func (e *Endpoint) Serving(ctx *pulumi.Context) error {
	c, err := settings.Load(settings.Source{Project: ctx.Project(), Get: ctx.GetConfig, IsSecret: ctx.IsConfigSecret, Keys: configured()})
	project, _ := ctx.GetConfig("gcp:project")
	cloud, wrong := names.ForStack(ctx.Stack(), project)
	if problems := append(problem.Of("", err), problem.Of("", wrong)...); len(problems) > 0 {
		return located(ctx, problems)
	}
	if err := logWarnings(ctx, c); err != nil {
		return err
	}
	google, err := gcp.NewProvider(ctx, "google", &gcp.ProviderArgs{
		Project: pulumi.String(c.Project), Region: pulumi.String(c.Region), Zone: pulumi.String(c.Zone),
	})
	if err != nil {
		return err
	}
	common := pulumi.Composite(pulumi.Provider(google), pulumi.Protect(c.Protect))

	enabled, err := apis.New(ctx, "services", &apis.Args{Project: c.Project, Optional: optionalAPIs(c)}, pulumi.Provider(google))
	if err != nil {
		return err
	}
	// All that is Google's waits for them: in a new project every other create ends with
	// "... API has not been used in project ... before or it is disabled".
	common = pulumi.Composite(common, pulumi.DependsOn(enabled.Dependencies))
	vpc, err := network.New(ctx, "network", &network.Args{
		Name: cloud.Base, Project: c.Project, Region: c.Region,
		Ranges: c.Network, NodeTag: cloud.NodeTag, WebhookPorts: []int{lws.WebhookPort},
	}, common)
	if err != nil {
		return err
	}
	gke, err := cluster.New(ctx, "cluster", &cluster.Args{
		Name: cloud.Base, Project: c.Project, Location: c.Region, Zone: c.Zone,
		NetworkID: vpc.NetworkID, SubnetworkID: vpc.SubnetworkID,
		PodsRange: network.PodsRange, ServicesRange: network.ServicesRange,
		Network: c.Network, ControlPlane: c.GKE, Maintenance: c.Maintenance, SystemPool: c.SystemPool,
		SecretManager: c.HFTokenSecret != "",
		NodeTag:       cloud.NodeTag, Labels: c.Labels, Protect: c.Protect,
	}, common, pulumi.DependsOn(vpc.Dependencies))
	if err != nil {
		return err
	}
	// From here on nothing waits for the slices but the LeaderWorkerSet itself.
	slices, err := newSlices(ctx, c, cloud, gke, common)
	if err != nil {
		return err
	}
	inCluster := pulumi.Composite(common, pulumi.Providers(google, gke.Provider))
	class, classed, err := newComputeClass(ctx, c, cloud, slices, inCluster)
	if err != nil {
		return err
	}
	controller, err := lws.New(ctx, "lws", &lws.Args{Chart: c.LWSChart, ControlPlaneCIDR: c.Network.ControlPlane}, inCluster)
	if err != nil {
		return err
	}
	reference, built, err := serverImage(ctx, c, cloud, gke, inCluster)
	if err != nil {
		return err
	}
	cached, err := cacheStorage(ctx, c, cloud, gke, common)
	if err != nil {
		return err
	}
	args := &serving.Args{
		Namespace: servingNamespace, Name: c.LeaderWorkerSet, Image: reference, ImageDependencies: built,
		Arguments: c.Arguments, Environment: c.ServerEnvironment, WeightsGiB: c.Model.RepositoryGiB,
		Topology: c.Topology, Replicas: c.Replicas, ComputeClass: class,
		Storage: cached, Ready: c.Ready, Notice: c.Options().Notice(),
	}
	if c.HFTokenSecret != "" {
		if args.HFTokenSecret, err = tokenSecret(ctx, c, cached.TokenReader(), gke, common); err != nil {
			return err
		}
	}
	if c.HFToken != "" {
		args.HFToken = pulumiconfig.RequireSecret(ctx, string(c.HFToken))
	}
	if c.APIKey != "" {
		args.APIKey = pulumiconfig.RequireSecret(ctx, string(c.APIKey))
	}
	args.PodDependencies = append(classed, controller.Dependencies...)
	// On destroy the namespace is deleted before the controller: without its webhooks, the
	// pods could not be deleted.
	server, err := serving.New(ctx, "serving", args, inCluster, pulumi.DependsOn(controller.Dependencies))
	if err != nil {
		return err
	}
	e.expect(ctx, server, c.LeaderWorkerSet, c.Ready, gke.Kubeconfig)
	e.expectOn(c, cloud)
	for _, some := range []pulumi.Map{outputs(c, gke, reference), capacityOutputs(c, cloud)} {
		for name, value := range some {
			ctx.Export(name, value)
		}
	}
	if !c.Monitoring.Enabled {
		return nil
	}
	dashboard, err := watch(ctx, c, cloud, server, inCluster)
	if err != nil {
		return err
	}
	ctx.Export("dashboard", dashboard)
	return nil
}

// configured are the keys of all configuration. The SDK looks values up and lists
// nothing, so this reads what the SDK reads.
func configured() []string {
	var values map[string]string
	// Without a Pulumi CLI there is no such variable, and nothing to list.
	_ = json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &values)
	var keys []string
	for key := range values {
		keys = append(keys, key)
	}
	return keys
}

// located adds to problems where their keys stand in the stack's configuration file. Without
// the file, or with another in use, they stay as they are.
func located(ctx *pulumi.Context, problems problem.List) problem.List {
	file := "Pulumi." + ctx.Stack() + ".yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		return problems
	}
	return settings.Locate(problems, file, text, ctx.GetConfig)
}

// logWarnings shows in the preview what will work and may surprise, and what up waits for.
func logWarnings(ctx *pulumi.Context, c *settings.Config) error {
	for _, warning := range located(ctx, c.Warnings) {
		if err := ctx.Log.Warn(warning.Error(), nil); err != nil {
			return err
		}
	}
	for _, line := range capacityNotes(c) {
		if err := ctx.Log.Info(line, nil); err != nil {
			return err
		}
	}
	return nil
}
