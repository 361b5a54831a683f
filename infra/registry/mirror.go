package registry

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
)

// Mirror is a repository that caches Docker Hub: it fetches an image at the first pull and
// keeps it, so that nodes do not depend on Docker Hub and its rate limits.
type Mirror struct{ component.Base }

// NewMirror registers the component.
func NewMirror(ctx *pulumi.Context, name string, args *Repository, opts ...pulumi.ResourceOption) (*Mirror, error) {
	m := &Mirror{}
	if err := m.Register(ctx, "sglang-tpu:infra:Mirror", name, opts...); err != nil {
		return nil, err
	}
	remote := args.docker(args.ID)
	remote.Mode = pulumi.String("REMOTE_REPOSITORY")
	remote.RemoteRepositoryConfig = artifactregistry.RepositoryRemoteRepositoryConfigArgs{
		Description: pulumi.String("Docker Hub"),
		DockerRepository: artifactregistry.RepositoryRemoteRepositoryConfigDockerRepositoryArgs{
			PublicRepository: pulumi.String("DOCKER_HUB"),
		},
	}
	_, created, err := args.create(ctx, name, remote, pulumi.Parent(m))
	if err != nil {
		return nil, err
	}
	m.Dependencies = created
	return m, m.RegisterOutputs(ctx, pulumi.Map{})
}
