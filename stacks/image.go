package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/image"
	"sglang-tpu/infra/registry"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/serverimage"
	"sglang-tpu/spec/settings"
)

// serverImage returns the reference that the pods run, and what must be done before it
// can be pulled.
func serverImage(ctx *pulumi.Context, c *settings.Config, cloud names.Cloud, gke *cluster.Cluster, opts pulumi.ResourceOption) (string, []pulumi.Resource, error) {
	nodes := pulumi.Sprintf("serviceAccount:%s", gke.NodeServiceAccount)
	switch c.Image.Source {
	case serverimage.Prebuilt:
		return c.Image.Reference, nil, nil
	case serverimage.Mirror:
		mirror, err := registry.NewMirror(ctx, "mirror", &registry.MirrorArgs{
			Project: c.Project, Location: c.Region, RepositoryID: cloud.Mirror, Reader: nodes, Labels: c.Labels,
		}, opts)
		if err != nil {
			return "", nil, err
		}
		return registry.Path(c.Region, c.Project, cloud.Mirror) + "/" + serverimage.Published(c.Image.Version), mirror.Dependencies, nil
	}
	repository, err := registry.New(ctx, "registry", &registry.Args{
		Project: c.Project, Location: c.Region, RepositoryID: cloud.Repository, LayersID: cloud.Layers,
		Reader: nodes, Labels: c.Labels,
	}, opts)
	if err != nil {
		return "", nil, err
	}
	built, err := image.New(ctx, "image", &image.Args{
		Project: c.Project, Location: c.Region,
		Repository: registry.Path(c.Region, c.Project, cloud.Repository), RepositoryID: repository.RepositoryID,
		Layers: registry.Path(c.Region, c.Project, cloud.Layers), LayersID: repository.LayersID,
		WorkloadPool: gke.WorkloadPool,
		Namespace:    builderNamespace, AccountID: cloud.Builder,
		Source: c.Image.Inputs, MinutesAllowed: buildMinutes,
	}, opts)
	if err != nil {
		return "", nil, err
	}
	return built.Reference, append(repository.Dependencies, built.Dependencies...), nil
}
