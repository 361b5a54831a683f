package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/hftoken"
	"sglang-tpu/infra/serving"
	"sglang-tpu/spec/settings"
)

// tokenSecret is the token in Secret Manager, for whoever asks the Hub: the download Job,
// or without a bucket each server.
func tokenSecret(ctx *pulumi.Context, c *settings.Config, gke *cluster.Cluster, opts pulumi.ResourceOption) (*serving.TokenSecret, error) {
	account := serving.DownloadAccount
	if c.Cache.Mode == settings.Disk {
		account = serving.ServerAccount
	}
	reader, err := hftoken.New(ctx, "token", &hftoken.Args{
		Version: c.HFTokenSecret, WorkloadPool: gke.WorkloadPool, Namespace: servingNamespace, Account: account,
	}, opts)
	if err != nil {
		return nil, err
	}
	return &serving.TokenSecret{Version: c.HFTokenSecret, Before: reader.Dependencies}, nil
}

// alsoNeeded are the APIs of what only some configurations use.
func alsoNeeded(c *settings.Config) []string {
	var needed []string
	if c.Monitoring.Enabled {
		needed = append(needed, "monitoring.googleapis.com")
	}
	if c.HFTokenSecret != "" {
		needed = append(needed, "secretmanager.googleapis.com")
	}
	return needed
}
