package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/hftoken"
	"sglang-tpu/infra/serving"
	"sglang-tpu/spec/settings"
)

// tokenSecret is the token in Secret Manager, which a Kubernetes service account may read.
func tokenSecret(ctx *pulumi.Context, c *settings.Config, account string, gke *cluster.Cluster, opts pulumi.ResourceOption) (*serving.TokenSecret, error) {
	reader, err := hftoken.New(ctx, "token", &hftoken.Args{
		Version: c.HFTokenSecret, WorkloadPool: gke.WorkloadPool, Namespace: servingNamespace, Account: account,
	}, opts)
	if err != nil {
		return nil, err
	}
	return &serving.TokenSecret{Version: c.HFTokenSecret, Dependencies: reader.Dependencies}, nil
}

// optionalAPIs are the APIs of what only some configurations use.
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
