package registry

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
)

// MirrorArgs describes the mirror.
type MirrorArgs struct {
	Project      string
	Location     string // region of the nodes
	RepositoryID string
	Reader       pulumi.StringInput // IAM member that may pull
	MoreReaders  []string           // as in Args
	Labels       map[string]string
}

// Mirror is a repository that caches Docker Hub: it fetches an image at the first pull and
// keeps it, so that nodes do not depend on Docker Hub and its rate limits.
type Mirror struct {
	component.Base
}

// NewMirror registers the component.
func NewMirror(ctx *pulumi.Context, name string, args *MirrorArgs, opts ...pulumi.ResourceOption) (*Mirror, error) {
	m := &Mirror{}
	if err := m.Register(ctx, "sglang-tpu:infra:Mirror", name, opts...); err != nil {
		return nil, err
	}
	repository, err := artifactregistry.NewRepository(ctx, name, &artifactregistry.RepositoryArgs{
		Project:      pulumi.String(args.Project),
		Location:     pulumi.String(args.Location),
		RepositoryId: pulumi.String(args.RepositoryID),
		Format:       pulumi.String("DOCKER"),
		Mode:         pulumi.String("REMOTE_REPOSITORY"),
		Labels:       pulumi.ToStringMap(args.Labels),
		RemoteRepositoryConfig: artifactregistry.RepositoryRemoteRepositoryConfigArgs{
			Description: pulumi.String("Docker Hub"),
			DockerRepository: artifactregistry.RepositoryRemoteRepositoryConfigDockerRepositoryArgs{
				PublicRepository: pulumi.String("DOCKER_HUB"),
			},
		},
	}, pulumi.Parent(m))
	if err != nil {
		return nil, err
	}
	readers, err := newReaders(ctx, name, args.Project, args.Location, repository.RepositoryId, args.Reader, args.MoreReaders, pulumi.Parent(m))
	if err != nil {
		return nil, err
	}
	m.Dependencies = append([]pulumi.Resource{repository}, readers...)
	return m, m.RegisterOutputs(ctx, pulumi.Map{})
}
