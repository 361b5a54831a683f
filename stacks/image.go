package stacks

import (
	"path"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/image"
	"sglang-tpu/infra/registry"
	"sglang-tpu/spec/serverimage"
)

// serverImage returns the reference that the pods run, and what must be done before it
// can be pulled.
func (s *stack) serverImage(p *platform) (string, []pulumi.Resource, error) {
	switch s.Image.Source {
	case serverimage.Prebuilt:
		return s.Image.Reference, nil, nil
	case serverimage.Mirror:
		published := "/" + serverimage.Published(s.Image.Version)
		if p.outputs != nil {
			return p.outputs.Mirror + published, nil, nil
		}
		mirror, err := registry.NewMirror(s.ctx, "mirror", s.repository(p, s.cloud.Mirror), s.common)
		if err != nil {
			return "", nil, err
		}
		return registry.Path(s.Region, s.Project, s.cloud.Mirror) + published, mirror.Dependencies, nil
	}
	r, err := s.repositories(p)
	if err != nil {
		return "", nil, err
	}
	args := &image.Args{
		Project: s.Project, Location: r.location,
		Repository: r.path, RepositoryProject: r.project,
		Layers: r.layers, LayersID: r.layersID,
		WorkloadPool: p.gke.WorkloadPool, Kubernetes: p.gke.Provider,
		Namespace: s.spaces.Builder, AccountID: s.cloud.Builder,
		Source:  s.Image.Inputs,
		Builder: s.ServiceAccounts.Builder, GrantBuilder: s.GrantOnExisting,
	}
	if r.grant {
		args.RepositoryID = r.id
	}
	built, err := image.New(s.ctx, "image", args, s.common)
	if err != nil {
		return "", nil, err
	}
	return built.Reference, append(r.dependencies, built.Dependencies...), nil
}

// repositories are the repository for images and the one for the layers that builds share.
type repositories struct {
	path, project, location string
	id                      pulumi.StringInput
	grant                   bool // whether this program grants builders the role to push
	layers                  string
	layersID                pulumi.StringInput
	dependencies            []pulumi.Resource
}

// repositories returns those of the platform, or creates them, except an existing one.
func (s *stack) repositories(p *platform) (repositories, error) {
	existing, location, id, exists := s.Registry()
	if o := p.outputs; o != nil && !exists {
		return repositories{
			path: o.Repository, project: o.RepositoryProject, location: o.RepositoryPlace, id: pulumi.String(o.RepositoryID),
			grant: !o.BuilderMayPush || s.GrantOnExisting, layers: o.Layers, layersID: pulumi.String(o.LayersID),
		}, nil
	}
	r := repositories{path: registry.Path(s.Region, s.Project, s.cloud.Repository), project: s.Project, location: s.Region, grant: true}
	args := &registry.Args{Repository: *s.repository(p, s.cloud.Repository), LayersID: s.cloud.Layers}
	if exists {
		r = repositories{path: registry.Path(location, existing, id), project: existing, location: location, grant: s.GrantOnExisting}
		// In the same registry as the images, because a build logs in to only one.
		args.Location, args.Existing, args.Grant = location, path.Clean(s.Image.Registry), s.GrantOnExisting
	}
	created, err := registry.New(s.ctx, "registry", args, s.common)
	if err != nil {
		return r, err
	}
	r.id, r.layersID, r.dependencies = created.RepositoryID, created.LayersID, created.Dependencies
	r.layers = registry.Path(args.Location, s.Project, s.cloud.Layers)
	return r, nil
}

// repository describes a repository from which nodes pull images.
func (s *stack) repository(p *platform, id string) *registry.Repository {
	return &registry.Repository{
		Project: s.Project, Location: s.Region, ID: id, Labels: s.Labels,
		Reader: pulumi.Sprintf("serviceAccount:%s", p.gke.NodeServiceAccount), MoreReaders: p.nodes,
	}
}
