// Package serving runs the model server: the LeaderWorkerSet, its Service and the other
// objects of their namespace.
package serving

import (
	"time"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	storagev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/storage/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
	"sglang-tpu/infra/netpolicy"
	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/topology"
)

const (
	componentLabel = "app.kubernetes.io/component"

	secretName = "hf-secret" // name and key are the tutorial's
	secretKey  = "hf_api_token"

	// ServerAccount is the Kubernetes service account of the server's pods.
	ServerAccount = "sglang"

	// APIKeySecret holds the API key under APIKeyKey.
	APIKeySecret = "sglang-api-key"
	APIKeyKey    = "api_key"

	storageClass = "sglang-hyperdisk" // cluster-scoped, so in a shared cluster its name also contains the namespace
)

// Args describes the server.
type Args struct {
	Namespace string
	Name      string // of the LeaderWorkerSet
	Image     string
	// ImageDependencies must exist before the image can be pulled. May be empty.
	ImageDependencies []pulumi.Resource
	// Arguments of every rank, in order; the launch script adds rank and rendezvous.
	Arguments   serverargs.List
	Environment map[string]string // further variables of the server; no secrets
	WeightsGiB  int               // size of the repository
	Topology    topology.Topology
	Replicas    int // number of groups, each on a separate slice; 0 keeps everything except the pods
	// ComputeClass is the class whose nodes the pods request; empty: any nodes of the
	// topology.
	ComputeClass string

	HFToken pulumi.StringInput // a secret; nil: no Kubernetes secret, and no HF_TOKEN in the pods
	// HFTokenSecret is the token in Secret Manager, instead of HFToken; nil: use HFToken.
	HFTokenSecret *TokenSecret
	APIKey        pulumi.StringInput // a secret that clients must send; nil: none

	Storage Storage // of weights and compiled code

	// Shared means that other endpoints may run in the cluster. Then cluster-scoped objects
	// have unique names, and a quota limits the namespace to its own chips.
	Shared bool
	// Slices select the nodes of this endpoint; the zero value selects every slice of the
	// topology.
	Slices Slices

	// Ready is how long a rank may take from its start to its first answer; the minimum is
	// an hour.
	Ready time.Duration
	// Notice is how long pods have to end when Google reclaims their host, if that is less
	// than their usual grace period; 0: the usual grace period.
	Notice time.Duration

	// PodDependencies are resources for which only the pods wait, such as slices and
	// controller. The rest of the component is created meanwhile. May be empty.
	PodDependencies []pulumi.Resource
}

// Serving is the LeaderWorkerSet whose groups each fill one slice, and the Service in
// front of their leaders.
//
// It does not wait until the pods are ready: package rollout does. A change that cannot
// take effect in place replaces the LeaderWorkerSet. The old one is deleted first, because
// it uses the chips until then.
type Serving struct {
	component.Base

	Namespace pulumi.StringOutput // which exists
	Set       pulumi.Resource     // the LeaderWorkerSet
}

// New registers the component.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Serving, error) {
	s := &Serving{}
	if err := s.Register(ctx, "sglang-tpu:infra:Serving", name, opts...); err != nil {
		return nil, err
	}
	before, err := s.newSurroundings(ctx, name, args, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}

	before = append(append(before, args.PodDependencies...), args.ImageDependencies...)
	set, err := apiextensions.NewCustomResource(ctx, name, setArgs(args), pulumi.Parent(s),
		pulumi.DependsOn(before),
		pulumi.DeleteBeforeReplace(true),
		pulumi.ReplaceOnChanges(fixedAtCreation),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Delete: "15m"}))
	if err != nil {
		return nil, err
	}
	service, err := corev1.NewService(ctx, name+"-service", serviceArgs(args), pulumi.Parent(s),
		pulumi.DependsOn([]pulumi.Resource{set}))
	if err != nil {
		return nil, err
	}

	if budget := budgetArgs(args); budget != nil {
		if _, err := policyv1.NewPodDisruptionBudget(ctx, name+"-budget", budget, pulumi.Parent(s), pulumi.DependsOn([]pulumi.Resource{set})); err != nil {
			return nil, err
		}
	}

	s.Set = set
	return s, s.RegisterOutputs(ctx, pulumi.Map{"namespace": s.Namespace, "serviceName": service.Metadata.Name().Elem()})
}

// newSurroundings creates the objects to which the pods refer, and returns them.
func (s *Serving) newSurroundings(ctx *pulumi.Context, name string, args *Args, inside pulumi.ResourceOption) ([]pulumi.Resource, error) {
	// Pod Security's level restricted would require the server to run as another user than
	// root; see containerSecurity.
	spaceLabels := labels(args, "")
	spaceLabels["pod-security.kubernetes.io/enforce"] = pulumi.String("baseline")
	namespace, denied, err := netpolicy.New(ctx, name, &metav1.ObjectMetaArgs{Name: pulumi.String(args.Namespace), Labels: spaceLabels}, policies(args), inside)
	if err != nil {
		return nil, err
	}
	s.Namespace = namespace.Metadata.Name().Elem()
	inNamespace := pulumi.Composite(inside, pulumi.DependsOn([]pulumi.Resource{namespace}))

	account, err := corev1.NewServiceAccount(ctx, name+"-account", &corev1.ServiceAccountArgs{
		Metadata:                     meta(args, ServerAccount),
		AutomountServiceAccountToken: pulumi.Bool(false), // the server never talks to the API server
	}, inNamespace)
	if err != nil {
		return nil, err
	}
	all := []pulumi.Resource{namespace, account}
	if args.Storage.Disk != nil {
		class, err := storagev1.NewStorageClass(ctx, name+"-storage-class", storageClassArgs(args), inside,
			// Its parameters cannot be changed, and its name is in use until the old one is
			// deleted.
			pulumi.DeleteBeforeReplace(true))
		if err != nil {
			return nil, err
		}
		all = append(all, class)
	}
	if args.Shared {
		quota, err := corev1.NewResourceQuota(ctx, name+"-quota", quotaArgs(args), inNamespace)
		if err != nil {
			return nil, err
		}
		all = append(all, quota)
	}
	all = append(all, denied...)
	for _, kept := range []struct {
		resource, name, key string
		value               pulumi.StringInput
	}{
		{name + "-hf-secret", secretName, secretKey, args.HFToken},
		{name + "-api-key", APIKeySecret, APIKeyKey, args.APIKey},
	} {
		if kept.value == nil {
			continue
		}
		object, err := corev1.NewSecret(ctx, kept.resource, &corev1.SecretArgs{
			Metadata:   meta(args, kept.name),
			StringData: pulumi.StringMap{kept.key: secret(kept.value)},
		}, inNamespace)
		if err != nil {
			return nil, err
		}
		all = append(all, object)
	}
	if args.HFTokenSecret != nil {
		class, err := apiextensions.NewCustomResource(ctx, name+"-token-class", tokenClassArgs(args), inNamespace)
		if err != nil {
			return nil, err
		}
		all = append(append(all, class), args.HFTokenSecret.Dependencies...)
	}
	if args.Storage.Bucket == nil {
		return all, nil
	}
	download, err := newDownload(ctx, name, args, all, inside)
	return append(all, download), err
}

// secret marks a value as a secret, even if the caller did not.
func secret(value pulumi.StringInput) pulumi.StringInput {
	return pulumi.ToSecret(value.ToStringOutput()).(pulumi.StringOutput)
}

func meta(args *Args, name string) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name: pulumi.String(name), Namespace: pulumi.String(args.Namespace), Labels: labels(args, ""),
	}
}

// labels returns Kubernetes' recommended labels, without a component for objects that all
// components share.
func labels(args *Args, component string) pulumi.StringMap {
	l := pulumi.StringMap{
		"app.kubernetes.io/name":     pulumi.String("sglang-jax"),
		"app.kubernetes.io/instance": pulumi.String(args.Name),
		"app.kubernetes.io/part-of":  pulumi.String("sglang-tpu"),
	}
	if component != "" {
		l[componentLabel] = pulumi.String(component)
	}
	return l
}
