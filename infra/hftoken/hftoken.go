// Package hftoken lets pods read the Hugging Face token from Secret Manager, so that
// neither Pulumi's state nor a Kubernetes Secret contains it.
package hftoken

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/secretmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
	"sglang-tpu/spec/secretversion"
)

// role permits reading the versions of one secret, and nothing else.
const role = "roles/secretmanager.secretAccessor"

// Args describes the secret, and the account that may read it.
type Args struct {
	Version string // projects/PROJECT/secrets/NAME/versions/VERSION, as secretversion.Parse takes it

	WorkloadPool pulumi.StringInput // the output of the cluster
	Namespace    string
	Account      string // Kubernetes service account, the only one that may read
}

// Token is the permission of one Kubernetes service account to read one secret.
type Token struct{ component.Base }

// New registers the component.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Token, error) {
	t := &Token{}
	if err := t.Register(ctx, "sglang-tpu:infra:HFToken", name, opts...); err != nil {
		return nil, err
	}
	project, secret, err := secretversion.Parse(args.Version)
	if err != nil {
		return nil, err
	}
	reader, err := secretmanager.NewSecretIamMember(ctx, name+"-reader", &secretmanager.SecretIamMemberArgs{
		Project:  pulumi.String(project),
		SecretId: pulumi.String(secret),
		Role:     pulumi.String(role),
		Member:   pulumi.Sprintf("serviceAccount:%s[%s/%s]", args.WorkloadPool, args.Namespace, args.Account),
	}, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	t.Dependencies = []pulumi.Resource{reader}
	return t, t.RegisterOutputs(ctx, pulumi.Map{})
}
