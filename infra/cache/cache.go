// Package cache makes the bucket that keeps model weights and compiled code when pods end.
package cache

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/storage"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/component"
)

// role is the least with which a bucket can be read and written as a file system.
const role = "roles/storage.objectUser"

// Args describes the bucket.
type Args struct {
	Project  string
	Location string // region of the nodes: reading from another one is slow and costs money
	Bucket   string // its name, of which there is one in the whole world

	// WorkloadPool is the cluster's pool of Workload Identity, PROJECT.svc.id.goog. It must
	// come from a cluster that exists: before the project's first one IAM answers
	// "Identity Pool does not exist".
	WorkloadPool pulumi.StringInput
	Users        []User // who may use the bucket; nobody else may

	// Keep refuses to delete a bucket that is not empty. What is in it can be fetched and
	// compiled again.
	Keep   bool
	Labels map[string]string
}

// User is a Kubernetes service account.
type User struct {
	Name      string // in resource names
	Namespace string
	Account   string
}

// Cache is a bucket and the right to use it, given to Kubernetes service accounts
// themselves: no Google service account stands between, and no right reaches beyond this
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
		// By default a deleted object is kept, and paid for, for seven days more.
		SoftDeletePolicy: storage.BucketSoftDeletePolicyArgs{RetentionDurationSeconds: pulumi.Int(0)},
		ForceDestroy:     pulumi.Bool(!args.Keep),
		Labels:           pulumi.ToStringMap(args.Labels),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.Dependencies = []pulumi.Resource{bucket}
	for _, user := range args.Users {
		member, err := storage.NewBucketIAMMember(ctx, name+"-"+user.Name, &storage.BucketIAMMemberArgs{
			Bucket: bucket.Name,
			Role:   pulumi.String(role),
			Member: pulumi.Sprintf("principal://iam.googleapis.com/projects/%d/locations/global/workloadIdentityPools/%s/subject/ns/%s/sa/%s",
				bucket.ProjectNumber, args.WorkloadPool, user.Namespace, user.Account),
		}, pulumi.Parent(c))
		if err != nil {
			return nil, err
		}
		c.Dependencies = append(c.Dependencies, member)
	}
	c.Bucket = bucket.Name
	return c, c.RegisterOutputs(ctx, pulumi.Map{"bucket": c.Bucket})
}
