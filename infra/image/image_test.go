package image

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/spec/serverimage"
)

const (
	jobType = "kubernetes:batch/v1:Job"
	builder = "images@p.iam.gserviceaccount.com"
)

func create(t *testing.T, source serverimage.Inputs) (*pulumitest.Graph, *Image) {
	t.Helper()
	var i *Image
	graph := pulumitest.Run(t, func(ctx *pulumi.Context) error {
		google, kubernetes := &pulumi.ProviderResourceState{}, &pulumi.ProviderResourceState{}
		require.NoError(t, ctx.RegisterResource("pulumi:providers:gcp", "google", pulumi.Map{}, google))
		require.NoError(t, ctx.RegisterResource("pulumi:providers:kubernetes", "cluster", pulumi.Map{}, kubernetes))
		var err error
		i, err = New(ctx, "image", &Args{
			Project: "p", Location: "us-central1", Repository: "us-central1-docker.pkg.dev/p/images", RepositoryID: pulumi.String("images"),
			Layers: "us-central1-docker.pkg.dev/p/layers", LayersID: pulumi.String("layers"), WorkloadPool: pulumi.String("p.svc.id.goog"),
			Namespace: "build", AccountID: "images", Source: source, Kubernetes: kubernetes,
		}, pulumi.Provider(google), pulumi.Protect(true))
		return err
	})
	return graph, i
}

func TestTheReferenceIsKnownAtPreviewAndNamesTheJob(t *testing.T) {
	graph, i := create(t, serverimage.Default())
	assert.Equal(t, "us-central1-docker.pkg.dev/p/images/sglang-jax:"+serverimage.Default().Tag(), i.Reference)
	job := graph.Get(t, jobType, "image-build")
	assert.Equal(t, "build-"+serverimage.Default().Tag(), job.Value("metadata.name"))
	assert.Equal(t, "build", job.Value("metadata.namespace"))
	assert.Len(t, i.Dependencies, 1)
}

func TestTheJobWaitsForItsRightsAndForItsOwnDeadline(t *testing.T) {
	graph, _ := create(t, serverimage.Default())
	job := graph.Get(t, jobType, "image-build")
	for _, name := range []string{"image-writer", "image-layers-writer", "image-workload-identity", "image-account"} {
		assert.True(t, job.DependsOn(name), name)
	}
	assert.InDelta(t, 3600, job.Value("spec.activeDeadlineSeconds"), 0)
	assert.Equal(t, 65*time.Minute, job.CreateTimeout(t), "the Job's own message comes first")
	assert.Empty(t, job.IgnoresChanges())
	assert.Equal(t, "true", job.Value(`metadata.annotations["pulumi.com/replaceUnready"]`), "one that failed is made again")
}

func TestEachResourceHasTheProviderOfItsKind(t *testing.T) {
	graph, _ := create(t, serverimage.Default())
	for name, want := range map[string][2]string{
		"image-builder":           {"gcp:serviceaccount/account:Account", "google"},
		"image-writer":            {"gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "google"},
		"image-layers-writer":     {"gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "google"},
		"image-workload-identity": {"gcp:serviceaccount/iAMMember:IAMMember", "google"},
		"image-namespace":         {"kubernetes:core/v1:Namespace", "cluster"},
		"image-account":           {"kubernetes:core/v1:ServiceAccount", "cluster"},
		"image-build":             {jobType, "cluster"},
	} {
		r := graph.Get(t, want[0], name)
		assert.Equal(t, want[1], r.Provider(), name)
		assert.Equal(t, "image", r.Parent(), name)
		assert.Equal(t, r.Type != jobType, r.Protected(), "%s: a Job is replaced by every other commit", name)
	}
}

func TestTheBuilderMayWriteImagesAndLayersAndNothingElse(t *testing.T) {
	graph, _ := create(t, serverimage.Default())
	layers := graph.Get(t, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "image-layers-writer")
	assert.Equal(t, "layers", layers.Value("repository"))
	assert.Equal(t, "roles/artifactregistry.writer", layers.Value("role"))
	assert.Equal(t, "serviceAccount:"+builder, layers.Value("member"))
	writer := graph.Get(t, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", "image-writer")
	assert.Equal(t, "roles/artifactregistry.writer", writer.Value("role"))
	assert.Equal(t, "images", writer.Value("repository"))
	assert.Equal(t, "serviceAccount:"+builder, writer.Value("member"))
	identity := graph.Get(t, "gcp:serviceaccount/iAMMember:IAMMember", "image-workload-identity")
	assert.Equal(t, "serviceAccount:p.svc.id.goog[build/image-builder]", identity.Value("member"))
	assert.Equal(t, "roles/iam.workloadIdentityUser", identity.Value("role"))
	account := graph.Get(t, "kubernetes:core/v1:ServiceAccount", "image-account")
	assert.Equal(t, builder, account.Value(`metadata.annotations["iam.gke.io/gcp-service-account"]`))
}

func TestTheJobBuildsThePinnedCommitWithoutPrivileges(t *testing.T) {
	source := serverimage.Default()
	source.BuildArgs = map[string]string{"B": "2", "A": "1"}
	graph, i := create(t, source)
	const pod = "spec.template.spec."
	job := graph.Get(t, jobType, "image-build")
	assert.Equal(t, []any{
		"build", "--progress", "plain", "--frontend", "dockerfile.v0",
		"--opt", "context=https://github.com/sgl-project/sglang-jax.git#cddbf6f1cc33cbdd453bd8f36ff7051cf46ca176",
		"--opt", "filename=Dockerfile", "--opt", "platform=linux/amd64",
		"--opt", "build-arg:A=1", "--opt", "build-arg:B=2",
		"--import-cache", "type=registry,ref=us-central1-docker.pkg.dev/p/layers/sglang-jax:layers",
		"--export-cache", "type=registry,ref=us-central1-docker.pkg.dev/p/layers/sglang-jax:layers,mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true",
		"--output", "type=image,name=" + i.Reference + ",push=true",
	}, job.Value(pod+"containers[0].args"))
	for path, want := range map[string]any{
		"automountServiceAccountToken":                               false,
		"serviceAccountName":                                         "image-builder",
		"restartPolicy":                                              "Never",
		"containers[0].securityContext.runAsUser":                    1000.0,
		"containers[0].securityContext.privileged":                   nil,
		"initContainers[0].securityContext.allowPrivilegeEscalation": false,
		"initContainers[0].env[0].value":                             "us-central1-docker.pkg.dev",
		"initContainers[0].args":                                     []any{credentialScript},
		"initContainers[0].command":                                  []any{"sh", "-c", loginScript, "login"},
		"containers[0].env[1].value":                                 "https://us-central1-docker.pkg.dev/v2/p/images/sglang-jax/manifests/" + source.Tag(),
		"containers[0].terminationMessagePolicy":                     "FallbackToLogsOnError",
		"initContainers[0].terminationMessagePolicy":                 "FallbackToLogsOnError",
		"volumes[0].emptyDir.medium":                                 "Memory",
	} {
		assert.Equal(t, want, job.Value(pod+path), path)
	}
}
