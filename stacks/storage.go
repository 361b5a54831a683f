package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cache"
	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/serving"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/settings"
	"sglang-tpu/spec/storage"
)

// cacheStorage is where weights and compiled code are kept.
func cacheStorage(ctx *pulumi.Context, c *settings.Config, cloud names.Cloud, gke *cluster.Cluster, opts pulumi.ResourceOption) (serving.Storage, error) {
	if c.Cache.Mode == storage.DiskVolume {
		return serving.Storage{Disk: &c.Cache.Disk}, nil
	}
	bucket, err := cache.New(ctx, "cache", &cache.Args{
		Project: c.Project, Location: c.Region, Bucket: cloud.Bucket,
		WorkloadPool: gke.WorkloadPool,
		Users: []cache.User{
			{Name: "server", Namespace: servingNamespace, Account: serving.ServerAccount},
			{Name: "download", Namespace: servingNamespace, Account: serving.DownloadAccount},
		},
		Keep: c.Protect, Labels: c.Labels,
	}, opts)
	if err != nil {
		return serving.Storage{}, err
	}
	return serving.Storage{Bucket: &serving.Bucket{Name: cloud.Bucket, Dependencies: bucket.Dependencies}}, nil
}
