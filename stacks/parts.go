package stacks

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cache"
	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/hftoken"
	"sglang-tpu/infra/image"
	"sglang-tpu/infra/registry"
	"sglang-tpu/infra/serving"
	"sglang-tpu/stacks/config"
)

// serverImage returns the reference that the pods run, and what must be done before it
// can be pulled.
func serverImage(ctx *pulumi.Context, c *config.Config, names names, gke *cluster.Cluster, opts pulumi.ResourceOption) (string, []pulumi.Resource, error) {
	nodes := pulumi.Sprintf("serviceAccount:%s", gke.NodeServiceAccount)
	switch c.Image.Source {
	case config.Prebuilt:
		return c.Image.Reference, nil, nil
	case config.Mirror:
		mirror, err := registry.NewMirror(ctx, "mirror", &registry.MirrorArgs{
			Project: c.Project, Location: c.Region, RepositoryID: names.mirror, Reader: nodes, Labels: c.Labels,
		}, opts)
		if err != nil {
			return "", nil, err
		}
		return registry.Path(c.Region, c.Project, names.mirror) + "/" + registry.PublishedImage + separator(c.Image.Version) + c.Image.Version, mirror.Made, nil
	}
	repository, err := registry.New(ctx, "registry", &registry.Args{
		Project: c.Project, Location: c.Region, RepositoryID: names.repository, LayersID: names.layers,
		Reader: nodes, Labels: c.Labels,
	}, opts)
	if err != nil {
		return "", nil, err
	}
	built, err := image.New(ctx, "image", &image.Args{
		Project: c.Project, Location: c.Region,
		Repository: registry.Path(c.Region, c.Project, names.repository), RepositoryID: repository.RepositoryID,
		Layers: registry.Path(c.Region, c.Project, names.layers), LayersID: repository.LayersID,
		WorkloadPool: gke.WorkloadPool,
		Namespace:    builderNamespace, AccountID: names.builder,
		Source: source(c.Image), MinutesAllowed: buildMinutes,
	}, opts)
	if err != nil {
		return "", nil, err
	}
	return built.Reference, append(repository.Made, built.Made...), nil
}

// separator stands between an image's name and its tag or digest.
func separator(version string) string {
	if strings.HasPrefix(version, "sha256:") {
		return "@"
	}
	return ":"
}

// source is the default one with what the configuration changes.
func source(i config.Image) image.Source {
	s := image.Default()
	if i.Repository != "" {
		s.Repository = i.Repository
	}
	if i.Commit != "" {
		s.Commit = i.Commit
	}
	if i.Dockerfile != "" {
		s.Dockerfile = i.Dockerfile
	}
	if i.BuildArgs != nil {
		s.BuildArgs = i.BuildArgs
	}
	return s
}

// storage is where weights and compiled code are kept.
func storage(ctx *pulumi.Context, c *config.Config, names names, gke *cluster.Cluster, opts pulumi.ResourceOption) (serving.Storage, error) {
	if c.Cache.Mode == config.Disk {
		return serving.Storage{Disk: &serving.Disk{
			SizeGiB: c.Cache.SizeGiB, IOPS: c.Cache.IOPS, ThroughputMiB: c.Cache.ThroughputMiB,
		}}, nil
	}
	bucket, err := cache.New(ctx, "cache", &cache.Args{
		Project: c.Project, Location: c.Region, Bucket: names.bucket,
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
	return serving.Storage{Bucket: &serving.Bucket{Name: names.bucket, Before: bucket.Made}}, nil
}

// tokenSecret is the token in Secret Manager, for whoever asks the Hub: the download Job,
// or without a bucket each server.
func tokenSecret(ctx *pulumi.Context, c *config.Config, gke *cluster.Cluster, opts pulumi.ResourceOption) (*serving.TokenSecret, error) {
	account := serving.DownloadAccount
	if c.Cache.Mode == config.Disk {
		account = serving.ServerAccount
	}
	reader, err := hftoken.New(ctx, "token", &hftoken.Args{
		Version: c.HFTokenSecret, WorkloadPool: gke.WorkloadPool, Namespace: servingNamespace, Account: account,
	}, opts)
	if err != nil {
		return nil, err
	}
	return &serving.TokenSecret{Version: c.HFTokenSecret, Before: reader.Made}, nil
}

// maintenance is the same in the cluster's words.
func maintenance(m config.Maintenance) cluster.Maintenance {
	out := cluster.Maintenance{Start: m.Window.Start, Hours: m.Window.Hours, Days: m.Window.Weekdays()}
	for _, e := range m.Exclusions {
		out.Exclusions = append(out.Exclusions, cluster.Exclusion(e))
	}
	return out
}

// alsoNeeded are the APIs of what only some configurations use.
func alsoNeeded(c *config.Config) []string {
	if c.HFTokenSecret == "" {
		return nil
	}
	return []string{"secretmanager.googleapis.com"}
}
