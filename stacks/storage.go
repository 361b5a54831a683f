package stacks

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cache"
	"sglang-tpu/infra/serving"
	"sglang-tpu/spec/storage"
)

// cacheStorage returns where weights and compiled code are kept.
func (s *stack) cacheStorage(p *platform) (serving.Storage, error) {
	users := []cache.User{
		{Name: "server", Namespace: s.spaces.Serving, Account: serving.ServerAccount},
		{Name: "download", Namespace: s.spaces.Serving, Account: serving.DownloadAccount},
	}
	switch {
	case s.Cache.Mode == storage.DiskVolume:
		return serving.Storage{Disk: &s.Cache.Disk}, nil
	case s.Cache.Bucket != "":
		// The bucket's owner may have granted the roles already.
		return s.folder(p, s.Cache.Bucket, s.Cache.Prefix, users, s.GrantOnExisting)
	case p.outputs != nil:
		return s.folder(p, p.outputs.Bucket, cmp.Or(s.Cache.Prefix, s.ctx.Stack()), users, !p.outputs.BucketExists || s.GrantOnExisting)
	}
	bucket, err := cache.New(s.ctx, "cache", s.bucketArgs(p, users), s.common)
	if err != nil {
		return serving.Storage{}, err
	}
	return serving.Storage{Bucket: &serving.Bucket{Name: s.cloud.Bucket, Dependencies: bucket.Dependencies}}, nil
}

func (s *stack) bucketArgs(p *platform, users []cache.User) *cache.Args {
	return &cache.Args{
		Project: s.Project, Location: s.Region, Bucket: s.cloud.Bucket,
		WorkloadPool: p.gke.WorkloadPool, Users: users, Keep: s.Protect, Labels: s.Labels,
	}
}

// folder returns the folder in a bucket that does not belong to this stack.
func (s *stack) folder(p *platform, bucket, prefix string, users []cache.User, grant bool) (serving.Storage, error) {
	var rights []pulumi.Resource
	if grant {
		access, err := cache.NewAccess(s.ctx, "cache", &cache.AccessArgs{Bucket: bucket, WorkloadPool: p.gke.WorkloadPool, Users: users}, s.common)
		if err != nil {
			return serving.Storage{}, err
		}
		rights = access.Dependencies
	}
	return serving.Storage{Bucket: &serving.Bucket{Name: bucket, Prefix: prefix, Dependencies: rights}}, nil
}
