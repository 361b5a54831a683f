package image

import (
	"cmp"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/serviceaccount"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newBuilder creates the Google service account of the Job, or uses an existing one. It
// returns the account's email and the resources that grant its roles.
func newBuilder(ctx *pulumi.Context, name string, args *Args, inside pulumi.ResourceOption) (pulumi.StringOutput, []pulumi.Resource, error) {
	var none pulumi.StringOutput
	email := pulumi.String(args.Builder).ToStringOutput()
	_, domain, _ := strings.Cut(args.Builder, "@")
	id := pulumi.Sprintf("projects/%s/serviceAccounts/%s", strings.TrimSuffix(domain, ".iam.gserviceaccount.com"), email)
	if args.Builder == "" {
		google, err := serviceaccount.NewAccount(ctx, name+"-builder", &serviceaccount.AccountArgs{
			Project:     pulumi.String(args.Project),
			AccountId:   pulumi.String(args.AccountID),
			DisplayName: pulumi.String("Builds and pushes the server image"),
		}, inside)
		if err != nil {
			return none, nil, err
		}
		email, id = google.Email, google.Name
	}
	rights, err := writers(ctx, name, args, pulumi.Sprintf("serviceAccount:%s", email), inside)
	if err != nil || args.Builder != "" && !args.GrantBuilder {
		return email, rights, err
	}
	identity, err := serviceaccount.NewIAMMember(ctx, name+"-workload-identity", &serviceaccount.IAMMemberArgs{
		ServiceAccountId: id,
		Role:             pulumi.String("roles/iam.workloadIdentityUser"),
		Member:           pulumi.Sprintf("serviceAccount:%s[%s/%s]", args.WorkloadPool, args.Namespace, account),
	}, inside)
	return email, append(rights, identity), err
}

// writers lets a member push to the repositories.
func writers(ctx *pulumi.Context, name string, args *Args, member pulumi.StringInput, inside pulumi.ResourceOption) ([]pulumi.Resource, error) {
	var all []pulumi.Resource
	for _, r := range []struct {
		name, project string
		id            pulumi.StringInput
	}{{name + "-writer", cmp.Or(args.RepositoryProject, args.Project), args.RepositoryID}, {name + "-layers-writer", args.Project, args.LayersID}} {
		if r.id == nil {
			continue
		}
		writer, err := artifactregistry.NewRepositoryIamMember(ctx, r.name, &artifactregistry.RepositoryIamMemberArgs{
			Project:    pulumi.String(r.project),
			Location:   pulumi.String(args.Location),
			Repository: r.id,
			Role:       pulumi.String("roles/artifactregistry.writer"),
			Member:     member,
		}, inside)
		if err != nil {
			return nil, err
		}
		all = append(all, writer)
	}
	return all, nil
}
