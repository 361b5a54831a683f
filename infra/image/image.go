// Package image builds the server image inside the cluster.
package image

import (
	_ "embed"
	"fmt"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
	"sglang-tpu/infra/netpolicy"
	"sglang-tpu/spec/serverimage"
)

//go:embed credential.sh
var credentialScript string

//go:embed login.sh
var loginScript string

//go:embed build.sh
var buildScript string

// builderImage contains buildctl, a shell and wget, which is all that both containers use.
const builderImage = "moby/buildkit:v0.25.1-rootless"

const imageName = "sglang-jax"

// account is the name of the Job's Kubernetes service account.
const account = "image-builder"

// Args describes the build.
type Args struct {
	Project      string
	Location     string             // of the repository
	Repository   string             // Artifact Registry path, registry host first
	RepositoryID pulumi.StringInput // for IAM; nil if the builder already has permission to push
	// RepositoryProject is the repository's project; empty: Project.
	RepositoryProject string
	Layers            string             // path of the repository of the layers that builds share
	LayersID          pulumi.StringInput // for IAM
	// Kubernetes is the provider of the Job and of the other objects in the cluster. The builder's
	// account and roles do not wait for it, because they take minutes to propagate in Google
	// Cloud.
	Kubernetes   pulumi.ProviderResource
	WorkloadPool pulumi.StringInput // the output of the cluster
	Namespace    string             // created by the component; nothing else runs in it
	AccountID    string             // of the Google service account, at most 30 characters
	Source       serverimage.Inputs

	// Builder is the email of an existing Google service account; empty: create AccountID.
	Builder string
	// GrantBuilder lets the Job use the existing account. If it is false, the Job must
	// already have permission.
	GrantBuilder bool
}

// Image is a rootless BuildKit Job that builds from a pinned commit and pushes with
// Workload Identity, so no Docker daemon or registry token is needed. The image's tag is a
// hash of the inputs: previews know the reference, equal inputs are never built twice, and
// only changed inputs replace the Job.
type Image struct {
	component.Base

	Reference string // host/project/repository/name:tag
}

// New registers the component. Its provider is the gcp one.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Image, error) {
	i := &Image{Reference: args.Repository + "/" + imageName + ":" + args.Source.Tag()}
	if err := i.Register(ctx, "sglang-tpu:infra:Image", name, opts...); err != nil {
		return nil, err
	}
	inside := pulumi.Parent(i)

	google, rights, err := newBuilder(ctx, name, args, inside)
	if err != nil {
		return nil, err
	}
	inCluster := pulumi.Composite(inside, pulumi.Provider(args.Kubernetes))
	namespace, policies, err := netpolicy.New(ctx, name, &metav1.ObjectMetaArgs{
		Name: pulumi.String(args.Namespace),
		// newuidmap is setuid, so a rootless builder needs privilege escalation, and
		// seccomp would prevent it from creating namespaces. Neither stricter level
		// allows both.
		Labels: pulumi.StringMap{"pod-security.kubernetes.io/enforce": pulumi.String("privileged")},
	}, []netpolicy.Policy{{
		Name: "image-builder", Pods: podLabels,
		// Sources, base images and packages come from the internet, and the token from GKE.
		Egress: append(netpolicy.Egress{netpolicy.DNS, netpolicy.Web}, netpolicy.Metadata...),
	}}, inCluster)
	if err != nil {
		return nil, err
	}
	kubernetes, err := corev1.NewServiceAccount(ctx, name+"-account", &corev1.ServiceAccountArgs{
		Metadata: metav1.ObjectMetaArgs{
			Name:        pulumi.String(account),
			Namespace:   namespace.Metadata.Name(),
			Annotations: pulumi.StringMap{"iam.gke.io/gcp-service-account": google},
		},
		AutomountServiceAccountToken: pulumi.Bool(false),
	}, inCluster)
	if err != nil {
		return nil, err
	}
	job, err := batchv1.NewJob(ctx, name+"-build", jobArgs(args, i.Reference, namespace.Metadata.Name()), inCluster,
		// Every new commit replaces it, which protection would prevent.
		pulumi.Protect(false),
		pulumi.DependsOn(append(append(policies, rights...), kubernetes)),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: fmt.Sprintf("%dm", minutesAllowed+5)}))
	if err != nil {
		return nil, err
	}
	i.Dependencies = []pulumi.Resource{job}
	return i, i.RegisterOutputs(ctx, pulumi.Map{"reference": pulumi.String(i.Reference)})
}
