// Package registry creates Artifact Registry repositories for the server image.
package registry

import (
	"errors"
	"path"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
)

// Args describes the repository of images, and that of layers if images are built.
type Args struct {
	Project      string
	Location     string // region; pulls from another one are slow and cost money
	RepositoryID string
	Reader       pulumi.StringInput // IAM member that may pull
	Labels       map[string]string
	// MoreReaders are further IAM members that may pull: existing nodes on which Jobs run.
	MoreReaders []string

	// Existing is the path of an existing repository to which images are pushed,
	// projects/P/locations/L/repositories/R; empty: create RepositoryID.
	Existing string
	// Grant lets Reader pull from the existing repository.
	Grant bool

	// LayersID is a second repository, for the layers that builds share. Its tags move,
	// unlike those of images.
	LayersID string
}

// Registry is a Docker repository with immutable tags, so that the tag in a pod's
// specification always means the same image, and a repository for the layers of builds.
type Registry struct {
	component.Base

	RepositoryID pulumi.StringOutput
	LayersID     pulumi.StringOutput
}

// New registers the component.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Registry, error) {
	r := &Registry{}
	if err := r.Register(ctx, "sglang-tpu:infra:Registry", name, opts...); err != nil {
		return nil, err
	}
	layers, err := artifactregistry.NewRepository(ctx, name+"-layers", &artifactregistry.RepositoryArgs{
		Project:         pulumi.String(args.Project),
		Location:        pulumi.String(args.Location),
		RepositoryId:    pulumi.String(args.LayersID),
		Format:          pulumi.String("DOCKER"),
		Labels:          pulumi.ToStringMap(args.Labels),
		CleanupPolicies: cleanupPolicies(),
	}, pulumi.Parent(r))
	if err != nil {
		return nil, err
	}
	r.Dependencies = []pulumi.Resource{layers}
	r.LayersID = layers.RepositoryId
	if err := r.newRepository(ctx, name, args, pulumi.Parent(r)); err != nil {
		return nil, err
	}
	return r, r.RegisterOutputs(ctx, pulumi.Map{"repositoryId": r.RepositoryID, "layersId": r.LayersID})
}

// newRepository creates the repository of images, or uses an existing one, and lets the
// nodes pull from it.
func (r *Registry) newRepository(ctx *pulumi.Context, name string, args *Args, inside pulumi.ResourceOption) error {
	if args.Existing != "" {
		r.RepositoryID = pulumi.String(path.Base(args.Existing)).ToStringOutput()
		if !args.Grant {
			return nil
		}
		parts := strings.Split(args.Existing, "/")
		readers, err := newReaders(ctx, name, parts[1], parts[3], r.RepositoryID, args.Reader, args.MoreReaders, inside)
		r.Dependencies = append(r.Dependencies, readers...)
		return err
	}
	repository, err := artifactregistry.NewRepository(ctx, name, &artifactregistry.RepositoryArgs{
		Project:      pulumi.String(args.Project),
		Location:     pulumi.String(args.Location),
		RepositoryId: pulumi.String(args.RepositoryID),
		Format:       pulumi.String("DOCKER"),
		Labels:       pulumi.ToStringMap(args.Labels),
		// Such a repository does not delete tagged images, and all images have tags, so a
		// clean-up policy would have no effect.
		DockerConfig: artifactregistry.RepositoryDockerConfigArgs{ImmutableTags: pulumi.Bool(true)},
	}, inside)
	if err != nil {
		return err
	}
	readers, err := newReaders(ctx, name, args.Project, args.Location, repository.RepositoryId, args.Reader, args.MoreReaders, inside)
	if err != nil {
		return err
	}
	r.Dependencies = append(append(r.Dependencies, repository), readers...)
	r.RepositoryID = repository.RepositoryId
	return nil
}

// newReaders lets members pull. The resource names of further members contain the account's
// name.
func newReaders(ctx *pulumi.Context, name, project, location string, repository, reader pulumi.StringInput, more []string, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	first, err := newReader(ctx, name+"-reader", project, location, repository, reader, opts...)
	readers := []pulumi.Resource{first}
	for _, member := range more {
		account, _, _ := strings.Cut(strings.TrimPrefix(member, "serviceAccount:"), "@")
		another, moreErr := newReader(ctx, name+"-reader-"+account, project, location, repository, pulumi.String(member), opts...)
		readers, err = append(readers, another), errors.Join(err, moreErr)
	}
	return readers, err
}

func newReader(ctx *pulumi.Context, name, project, location string, repository, reader pulumi.StringInput, opts ...pulumi.ResourceOption) (pulumi.Resource, error) {
	return artifactregistry.NewRepositoryIamMember(ctx, name, &artifactregistry.RepositoryIamMemberArgs{
		Project:    pulumi.String(project),
		Location:   pulumi.String(location),
		Repository: repository,
		Role:       pulumi.String("roles/artifactregistry.reader"),
		Member:     reader,
	}, opts...)
}

// layersSeconds is how long layers are kept that no later build has replaced.
const layersSeconds = 30 * 24 * 3600

// cleanupPolicies delete layers that have lost their tag to newer ones, but never the
// newest: Artifact Registry keeps what matches both kinds of policy.
func cleanupPolicies() artifactregistry.RepositoryCleanupPolicyArray {
	return artifactregistry.RepositoryCleanupPolicyArray{
		artifactregistry.RepositoryCleanupPolicyArgs{
			Id: pulumi.String("keep-newest"), Action: pulumi.String("KEEP"),
			MostRecentVersions: artifactregistry.RepositoryCleanupPolicyMostRecentVersionsArgs{KeepCount: pulumi.Int(1)},
		},
		artifactregistry.RepositoryCleanupPolicyArgs{
			Id: pulumi.String("delete-old"), Action: pulumi.String("DELETE"),
			Condition: artifactregistry.RepositoryCleanupPolicyConditionArgs{
				TagState:  pulumi.String("ANY"),
				OlderThan: pulumi.String(strconv.Itoa(layersSeconds) + "s"),
			},
		},
	}
}

// Path returns the prefix of an image's name, without a slash at the end.
func Path(location, project, repositoryID string) string {
	return location + "-docker.pkg.dev/" + project + "/" + repositoryID
}
