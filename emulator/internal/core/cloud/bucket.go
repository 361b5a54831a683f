package cloud

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
)

func bucket() kind {
	return kind{
		id:      format("%s", "name"),
		minutes: 0.1, outputs: bucketOutputs, check: checkBucket, conflict: bucketConflict,
		remove: (*operation).emptyBucket,
	}
}

func bucketMember() kind {
	return kind{
		id:         format("b/%s/%s/%s", "bucket", "role", "member"),
		references: map[string]string{"bucket": bucketKind},
		minutes:    0.1, check: checkBucketMember,
		shared: true,
	}
}

func bucketOutputs(in Values) Values {
	name := in.text("name")
	return Values{
		"projectNumber": float64(ProjectNumber(in.text("project"))), "url": "gs://" + name,
		"selfLink": "https://www.googleapis.com/storage/v1/b/" + name,
		"location": strings.ToUpper(in.text("location")),
	}
}

// ProjectNumber returns a project's number of 12 digits, derived from its ID.
func ProjectNumber(project string) int64 {
	h := fnv.New64a()
	fmt.Fprint(h, project)
	return 100_000_000_000 + int64(h.Sum64()%900_000_000_000)
}

// bucketConflict is the error for a bucket name that is in use: bucket names are globally
// unique. The texts are from https://cloud.google.com/storage/docs/json_api/v1/status-codes.
func bucketConflict(existing *Resource, in Values) error {
	if existing.Inputs.text("project") == in.text("project") {
		return errors.New("googleapi: Error 409: Your previous request to create the named bucket succeeded and you already own it., conflict")
	}
	return errors.New("googleapi: Error 409: The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again., conflict")
}

var (
	bucketName  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)
	bucketPlace = regexp.MustCompile(`(?i)^([a-z]+-[a-z]+\d+|us|eu|asia|nam4|eur\d|asia1)$`)
)

// checkBucket enforces https://cloud.google.com/storage/docs/buckets#naming,
// https://cloud.google.com/storage/docs/locations and
// https://cloud.google.com/storage/docs/soft-delete. Open: the exact text of the last error.
func checkBucket(_ *Cloud, in Values) error {
	name, place := in.text("name"), in.text("location")
	if !bucketName.MatchString(name) || strings.HasPrefix(name, "goog") || strings.Contains(name, "google") {
		return fmt.Errorf("googleapi: Error 400: Invalid bucket name: '%s', invalid", name)
	}
	if !bucketPlace.MatchString(place) {
		return fmt.Errorf("googleapi: Error 400: The specified location constraint is not valid., invalid")
	}
	// 7 to 90 days; 0 disables soft delete.
	if days := in.number("softDeletePolicy.retentionDurationSeconds") / (24 * 3600); days > 90 ||
		in.number("softDeletePolicy.retentionDurationSeconds") > 0 && days < 7 {
		return errors.New("googleapi: Error 400: Soft delete policy retention duration must be 0 or between 7 and 90 days., invalid")
	}
	return nil
}

var identityPool = regexp.MustCompile(`^principal(?:Set)?://iam\.googleapis\.com/projects/[^/]*/locations/global/workloadIdentityPools/([^/]*)/`)

// checkBucketMember rejects members that the bucket's IAM policy cannot contain:
// https://cloud.google.com/storage/docs/public-access-prevention and
// https://cloud.google.com/iam/docs/principal-identifiers.
func checkBucketMember(c *Cloud, in Values) error {
	member := in.text("member")
	if b := c.find(bucketKind, in.text("bucket")); b != nil && b.Inputs.text("publicAccessPrevention") == "enforced" &&
		(member == "allUsers" || member == "allAuthenticatedUsers") {
		return errors.New("googleapi: Error 412: The member bindings allUsers and allAuthenticatedUsers are not allowed since public access prevention is enforced., conditionNotMet")
	}
	if strings.HasPrefix(member, "principal") {
		pool := identityPool.FindStringSubmatch(member)
		if pool == nil {
			return fmt.Errorf("googleapi: Error 400: Invalid argument: '%s' is not a principal, invalid", member)
		}
		// The first cluster with Workload Identity creates the project's pool.
		if !c.hasIdentityPool(pool[1]) {
			return noIdentityPool(pool[1])
		}
	}
	return nil
}

func (c *Cloud) hasIdentityPool(pool string) bool {
	for _, r := range c.resources {
		if r.Type == clusterKind && !r.Creating && r.Inputs.text("workloadIdentityConfig.workloadPool") == pool {
			return true
		}
	}
	return false
}

// emptyBucket deletes a bucket's objects if forceDestroy is set. Like the provider
// (storage/resource_storage_bucket.go), it checks for objects only when the bucket is deleted.
func (o *operation) emptyBucket() error {
	c, name := o.cloud, o.resource.Inputs.text("name")
	if c.Buckets == "" {
		return nil
	}
	folder := filepath.Join(c.Buckets, name)
	objects, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(objects) > 0 && !o.resource.Inputs.truth("forceDestroy") {
		return fmt.Errorf("Error trying to delete bucket %s containing objects without `force_destroy` set to true", name)
	}
	return os.RemoveAll(folder)
}

// orphans returns the object folders whose bucket was deleted; the caller holds mu.
func (c *Cloud) orphans() []string {
	if c.Buckets == "" {
		return nil
	}
	entries, err := os.ReadDir(c.Buckets)
	if err != nil {
		return nil // no bucket was ever created
	}
	var names []string
	for _, e := range entries {
		if c.resources[bucketKind+" "+e.Name()] == nil {
			names = append(names, e.Name())
		}
	}
	return names
}

// Refusal is an error of Cloud Storage or Secret Manager, with its gRPC status code.
type Refusal struct {
	Code codes.Code
	Text string
}

func (r *Refusal) Error() string { return r.Text }

var (
	readers = []string{"roles/storage.objectViewer", "roles/storage.objectUser", "roles/storage.objectAdmin", "roles/storage.admin"}
	writers = readers[1:]
)

// BucketAccess checks that a Kubernetes service account may list a bucket's objects, or
// create them if write is set. The errors are Google's
// (https://cloud.google.com/storage/docs/troubleshooting).
func (c *Cloud) BucketAccess(project, name, namespace, account string, write bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.resources[bucketKind+" "+name]; b == nil || b.Creating {
		return &Refusal{codes.NotFound, "storage: bucket doesn't exist"}
	}
	permission, roles := "storage.objects.list", readers
	if write {
		permission, roles = "storage.objects.create", writers
	}
	principal := fmt.Sprintf("principal://iam.googleapis.com/projects/%d/locations/global/workloadIdentityPools/%s.svc.id.goog/subject/ns/%s/sa/%s",
		ProjectNumber(project), project, namespace, account)
	onBucket := func(binding Values) bool { return strings.TrimPrefix(binding.text("bucket"), "b/") == name }
	// Both forms of the member are valid; the second is the older one.
	if c.granted(bucketIAMKind, onBucket, principal, roles...) ||
		c.granted(bucketIAMKind, onBucket, workloadMember(project, namespace, account), roles...) {
		return nil
	}
	return &Refusal{codes.PermissionDenied, fmt.Sprintf(
		"googleapi: Error 403: Caller does not have %s access to the Google Cloud Storage bucket. Permission '%s' denied on resource (or it may not exist)., forbidden", permission, permission)}
}
