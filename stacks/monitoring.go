package stacks

import (
	"path"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/monitoring"
	"sglang-tpu/infra/serving"
	spec "sglang-tpu/spec/monitoring"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/settings"
)

// endpoint is what metrics and alerts are of.
func endpoint(c *settings.Config, cloud names.Cloud) spec.Endpoint {
	return spec.Endpoint{
		Cluster: cloud.Base, Namespace: servingNamespace, Set: c.LeaderWorkerSet, Slices: slicePrefix(cloud), Fallbacks: c.Options().Fallback(),
		Groups: c.Replicas, Requests: c.Plan.RequestsCap, MultiHost: c.Topology.Hosts() > 1,
	}
}

// watch makes metrics, alerts and the dashboard, and returns the dashboard's address.
func watch(ctx *pulumi.Context, c *settings.Config, cloud names.Cloud, server *serving.Serving, opts pulumi.ResourceOption) (pulumi.StringOutput, error) {
	args := &monitoring.Args{
		Project: c.Project, Namespace: server.Namespace, Endpoint: endpoint(c, cloud), Ranks: c.Plan.DP,
		Leaders: serving.LeaderLabels(c.LeaderWorkerSet), Port: serverargs.Port,
		Image: c.Monitoring.Image, Channels: c.Monitoring.Channels, Labels: c.Labels,
	}
	if c.APIKey != "" {
		args.APIKey = &monitoring.Key{Secret: serving.APIKeySecret, Entry: serving.APIKeyKey}
	}
	m, err := monitoring.New(ctx, "monitoring", args, opts)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return m.DashboardID.ApplyT(func(id string) string {
		return "https://console.cloud.google.com/monitoring/dashboards/builder/" + path.Base(id) + "?project=" + c.Project
	}).(pulumi.StringOutput), nil
}
