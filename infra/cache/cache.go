// Package cache creates the bucket that keeps model weights and compiled code when pods
// end.
package cache

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/storage"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
)

// role is the smallest role with which a bucket can be read and written as a file system.
const role = "roles/storage.objectUser"

// Args describes the bucket.
type Args struct {
	Project  string
	Location string // region of the nodes: reading from another one is slow and costs money
	Bucket   string // its name, which is globally unique

	WorkloadPool pulumi.StringInput // the output of the cluster
	Users        []User             // the only accounts that may use the bucket

	// Keep prevents the deletion of a bucket that is not empty. Without it, the content is
	// deleted, too; it can be downloaded and compiled again.
	Keep   bool
	Labels map[string]string
}

// User is a Kubernetes service account.
type User struct {
	Name      string // in resource names
	Namespace string
	Account   string
}

// Cache is a bucket, and the permission of Kubernetes service accounts to use it. The role
// is granted to these accounts directly, without a Google service account, and only on this
// bucket.
type Cache struct {
	component.Base

	Bucket pulumi.StringOutput
}

// New registers the component.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Cache, error) {
	c := &Cache{}
	if err := c.Register(ctx, "sglang-tpu:infra:Cache", name, opts...); err != nil {
		return nil, err
	}
	bucket, err := storage.NewBucket(ctx, name, &storage.BucketArgs{
		Project:                  pulumi.String(args.Project),
		Name:                     pulumi.String(args.Bucket),
		Location:                 pulumi.String(args.Location),
		UniformBucketLevelAccess: pulumi.Bool(true),
		PublicAccessPrevention:   pulumi.String("enforced"),
		// By default, deleted objects are kept, and billed, for seven more days.
		SoftDeletePolicy: storage.BucketSoftDeletePolicyArgs{RetentionDurationSeconds: pulumi.Int(0)},
		ForceDestroy:     pulumi.Bool(!args.Keep),
		Labels:           pulumi.ToStringMap(args.Labels),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.Dependencies = []pulumi.Resource{bucket}
	members, err := grant(ctx, name, bucket.Name, args.Users, func(user User) pulumi.StringInput {
		return pulumi.Sprintf("principal://iam.googleapis.com/projects/%d/locations/global/workloadIdentityPools/%s/subject/ns/%s/sa/%s",
			bucket.ProjectNumber, args.WorkloadPool, user.Namespace, user.Account)
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.Dependencies = append(c.Dependencies, members...)
	c.Bucket = bucket.Name
	return c, c.RegisterOutputs(ctx, pulumi.Map{"bucket": c.Bucket})
}

// grant lets each user read and write the objects of a bucket.
func grant(ctx *pulumi.Context, name string, bucket pulumi.StringInput, users []User, member func(User) pulumi.StringInput, inside pulumi.ResourceOption) ([]pulumi.Resource, error) {
	var members []pulumi.Resource
	for _, user := range users {
		granted, err := storage.NewBucketIAMMember(ctx, name+"-"+user.Name, &storage.BucketIAMMemberArgs{
			Bucket: bucket,
			Role:   pulumi.String(role),
			Member: member(user),
		}, inside)
		if err != nil {
			return nil, err
		}
		members = append(members, granted)
	}
	return members, nil
}

// AccessArgs describes who may use an existing bucket.
type AccessArgs struct {
	Bucket       string
	WorkloadPool pulumi.StringInput // the output of the cluster
	Users        []User
}

// Access is the permission to use a bucket that this stack does not create.
//
// The bucket may be in another project than the cluster, so the members are named by the
// pool: the number of the cluster's project is unknown.
type Access struct{ component.Base }

// NewAccess registers the component.
func NewAccess(ctx *pulumi.Context, name string, args *AccessArgs, opts ...pulumi.ResourceOption) (*Access, error) {
	a := &Access{}
	if err := a.Register(ctx, "sglang-tpu:infra:CacheAccess", name, opts...); err != nil {
		return nil, err
	}
	members, err := grant(ctx, name, pulumi.String(args.Bucket), args.Users, func(user User) pulumi.StringInput {
		return pulumi.Sprintf("serviceAccount:%s[%s/%s]", args.WorkloadPool, user.Namespace, user.Account)
	}, pulumi.Parent(a))
	if err != nil {
		return nil, err
	}
	a.Dependencies = members
	return a, a.RegisterOutputs(ctx, pulumi.Map{})
}
