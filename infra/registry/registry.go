// Package registry creates Artifact Registry repositories for the server image.
package registry

import (
	"path"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
)

// Repository describes a repository that is created.
type Repository struct {
	Project  string
	Location string // region; pulls from another one are slow and cost money
	ID       string
	Reader   pulumi.StringInput // IAM member that may pull
	// MoreReaders are further IAM members that may pull: existing nodes on which Jobs run.
	MoreReaders []string
	Labels      map[string]string
}

// Args describes the repository of images, and that of layers if images are built.
type Args struct {
	Repository

	// Existing is the path of an existing repository to which images are pushed,
	// projects/P/locations/L/repositories/R; empty: create Repository.
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
	inside := pulumi.Parent(r)
	layersArgs := args.docker(args.LayersID)
	layersArgs.CleanupPolicies = cleanupPolicies()
	layers, err := artifactregistry.NewRepository(ctx, name+"-layers", layersArgs, inside)
	if err != nil {
		return nil, err
	}
	r.Dependencies = []pulumi.Resource{layers}
	r.LayersID = layers.RepositoryId
	var readers []pulumi.Resource
	if args.Existing == "" {
		images := args.docker(args.ID)
		// Such a repository does not delete tagged images, and all images have tags, so a
		// clean-up policy would have no effect.
		images.DockerConfig = artifactregistry.RepositoryDockerConfigArgs{ImmutableTags: pulumi.Bool(true)}
		r.RepositoryID, readers, err = args.create(ctx, name, images, inside)
	} else {
		r.RepositoryID = pulumi.String(path.Base(args.Existing)).ToStringOutput()
		if args.Grant {
			parts := strings.Split(args.Existing, "/")
			readers, err = args.newReaders(ctx, name, parts[1], parts[3], r.RepositoryID, inside)
		}
	}
	if err != nil {
		return nil, err
	}
	r.Dependencies = append(r.Dependencies, readers...)
	return r, r.RegisterOutputs(ctx, pulumi.Map{"repositoryId": r.RepositoryID, "layersId": r.LayersID})
}

// docker returns what all repositories have in common.
func (r *Repository) docker(id string) *artifactregistry.RepositoryArgs {
	return &artifactregistry.RepositoryArgs{
		Project:      pulumi.String(r.Project),
		Location:     pulumi.String(r.Location),
		RepositoryId: pulumi.String(id),
		Format:       pulumi.String("DOCKER"),
		Labels:       pulumi.ToStringMap(r.Labels),
	}
}

// create registers the repository, and lets the readers pull from it. It returns the
// repository's ID and all that was registered.
func (r *Repository) create(ctx *pulumi.Context, name string, args *artifactregistry.RepositoryArgs, inside pulumi.ResourceOption) (pulumi.StringOutput, []pulumi.Resource, error) {
	repository, err := artifactregistry.NewRepository(ctx, name, args, inside)
	if err != nil {
		return pulumi.StringOutput{}, nil, err
	}
	readers, err := r.newReaders(ctx, name, r.Project, r.Location, repository.RepositoryId, inside)
	return repository.RepositoryId, append([]pulumi.Resource{repository}, readers...), err
}

// newReaders lets the readers pull. The resource names of further readers contain the
// account's name.
func (r *Repository) newReaders(ctx *pulumi.Context, name, project, location string, repository pulumi.StringInput, inside pulumi.ResourceOption) ([]pulumi.Resource, error) {
	names, members := []string{name + "-reader"}, []pulumi.StringInput{r.Reader}
	for _, member := range r.MoreReaders {
		account, _, _ := strings.Cut(strings.TrimPrefix(member, "serviceAccount:"), "@")
		names, members = append(names, name+"-reader-"+account), append(members, pulumi.String(member))
	}
	var readers []pulumi.Resource
	for i, member := range members {
		reader, err := artifactregistry.NewRepositoryIamMember(ctx, names[i], &artifactregistry.RepositoryIamMemberArgs{
			Project:    pulumi.String(project),
			Location:   pulumi.String(location),
			Repository: repository,
			Role:       pulumi.String("roles/artifactregistry.reader"),
			Member:     member,
		}, inside)
		if err != nil {
			return nil, err
		}
		readers = append(readers, reader)
	}
	return readers, nil
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
