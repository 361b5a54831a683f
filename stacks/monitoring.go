package stacks

import (
	"path"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/monitoring"
	"sglang-tpu/infra/serving"
	spec "sglang-tpu/spec/monitoring"
	"sglang-tpu/spec/serverargs"
)

// endpoint identifies the endpoint in metrics and alerts.
func (s *stack) endpoint(p *platform) spec.Endpoint {
	e := spec.Endpoint{
		Cluster: p.name, Namespace: s.spaces.Serving, Set: s.LeaderWorkerSet,
		Slices: slicePrefix(s.cloud), Fallbacks: s.Options().Fallback(), Pools: s.poolNames(),
		Groups: s.Replicas, Requests: s.Plan.RequestsCap, MultiHost: s.Topology.Hosts() > 1,
	}
	if s.shared {
		e.Title = s.cloud.Base // several endpoints share the cluster's name
	}
	return e
}

// watch creates metrics, alerts and the dashboard, and exports the dashboard's URL.
func (s *stack) watch(p *platform, server *serving.Serving, opts pulumi.ResourceOption) error {
	args := &monitoring.Args{
		Project: s.Project, Namespace: server.Namespace, Endpoint: s.endpoint(p), Ranks: s.Plan.DP,
		Leaders: serving.LeaderLabels(s.LeaderWorkerSet), Port: serverargs.Port,
		Image: s.Monitoring.Image, Channels: s.Monitoring.Channels, Labels: s.Labels,
	}
	if s.APIKey != "" {
		args.APIKey = &monitoring.Key{Secret: serving.APIKeySecret, Entry: serving.APIKeyKey}
	}
	m, err := monitoring.New(s.ctx, "monitoring", args, opts)
	if err != nil {
		return err
	}
	s.ctx.Export("dashboard", m.DashboardID.ApplyT(func(id string) string {
		return "https://console.cloud.google.com/monitoring/dashboards/builder/" + path.Base(id) + "?project=" + s.Project
	}))
	return nil
}
