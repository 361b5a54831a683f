// Package registry makes the Artifact Registry repository of the server image.
package registry

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Args describes the repository.
type Args struct {
	Project      string
	Location     string // region; pulls from another one are slow and cost money
	RepositoryID string
	Reader       pulumi.StringInput // IAM member that may pull
	Labels       map[string]string
}

// Registry is a Docker repository whose tags never move: the tag in a pod's
// specification means the same image for ever.
type Registry struct {
	pulumi.ResourceState

	RepositoryID pulumi.StringOutput `pulumi:"repositoryId"`

	// Made is what others wait for. To depend on the component itself would not do: the
	// SDK notes a child down only while it registers, which may be after it is asked.
	Made []pulumi.Resource
}

// New registers the component.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Registry, error) {
	r := &Registry{}
	if err := ctx.RegisterComponentResource("sglang-tpu:infra:Registry", name, r, opts...); err != nil {
		return nil, err
	}
	repository, err := artifactregistry.NewRepository(ctx, name, &artifactregistry.RepositoryArgs{
		Project:      pulumi.String(args.Project),
		Location:     pulumi.String(args.Location),
		RepositoryId: pulumi.String(args.RepositoryID),
		Format:       pulumi.String("DOCKER"),
		Labels:       pulumi.ToStringMap(args.Labels),
		DockerConfig: artifactregistry.RepositoryDockerConfigArgs{ImmutableTags: pulumi.Bool(true)},
	}, pulumi.Parent(r))
	if err != nil {
		return nil, err
	}
	reader, err := artifactregistry.NewRepositoryIamMember(ctx, name+"-reader", &artifactregistry.RepositoryIamMemberArgs{
		Project:    pulumi.String(args.Project),
		Location:   pulumi.String(args.Location),
		Repository: repository.RepositoryId,
		Role:       pulumi.String("roles/artifactregistry.reader"),
		Member:     args.Reader,
	}, pulumi.Parent(r))
	if err != nil {
		return nil, err
	}
	r.Made = []pulumi.Resource{repository, reader}
	r.RepositoryID = repository.RepositoryId
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{"repositoryId": r.RepositoryID})
}

// Path is what an image's name begins with; no slash at its end.
func Path(location, project, repositoryID string) string {
	return location + "-docker.pkg.dev/" + project + "/" + repositoryID
}
