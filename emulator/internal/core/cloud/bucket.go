package cloud

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func bucket() kind {
	return kind{
		id:      format("%s", "name"),
		minutes: 0.1, outputs: bucketOutputs, check: checkBucket, taken: bucketTaken,
		remove: func(o *operation) error { return o.emptyBucket() },
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

// ProjectNumber is the number that Google gave a project, 12 digits.
func ProjectNumber(project string) int64 {
	h := fnv.New64a()
	fmt.Fprint(h, project)
	return 100_000_000_000 + int64(h.Sum64()%900_000_000_000)
}

// bucketTaken: all of the world's buckets share their names. The texts are those of
// https://cloud.google.com/storage/docs/json_api/v1/status-codes.
func bucketTaken(has *Resource, in Values) error {
	if has.Inputs.text("project") == in.text("project") {
		return errors.New("googleapi: Error 409: Your previous request to create the named bucket succeeded and you already own it., conflict")
	}
	return errors.New("googleapi: Error 409: The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again., conflict")
}

var (
	bucketName  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)
	bucketPlace = regexp.MustCompile(`(?i)^([a-z]+-[a-z]+\d+|us|eu|asia|nam4|eur\d|asia1)$`)
)

// checkBucket: https://cloud.google.com/storage/docs/buckets#naming,
// https://cloud.google.com/storage/docs/locations and
// https://cloud.google.com/storage/docs/soft-delete. Open: the last text was not seen.
func checkBucket(_ *Cloud, in Values) error {
	name, place := in.text("name"), in.text("location")
	if !bucketName.MatchString(name) || strings.HasPrefix(name, "goog") || strings.Contains(name, "google") {
		return fmt.Errorf("googleapi: Error 400: Invalid bucket name: '%s', invalid", name)
	}
	if !bucketPlace.MatchString(place) {
		return fmt.Errorf("googleapi: Error 400: The specified location constraint is not valid., invalid")
	}
	// From 7 to 90 days, or 0 to have none of it.
	if days := in.number("softDeletePolicy.retentionDurationSeconds") / (24 * 3600); days > 90 ||
		in.number("softDeletePolicy.retentionDurationSeconds") > 0 && days < 7 {
		return errors.New("googleapi: Error 400: Soft delete policy retention duration must be 0 or between 7 and 90 days., invalid")
	}
	return nil
}

var identityPool = regexp.MustCompile(`^principal(?:Set)?://iam\.googleapis\.com/projects/[^/]*/locations/global/workloadIdentityPools/([^/]*)/`)

// checkBucketMember refuses what no policy of the bucket can hold:
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
		// A project's pool comes with its first cluster that has Workload Identity.
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

// emptyBucket removes a bucket's objects, if the program allows it, as the provider
// does (storage/resource_storage_bucket.go): it looks when the bucket is deleted, not
// before.
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

// orphans are folders of objects whose bucket was deleted; the caller holds mu.
func (c *Cloud) orphans() []string {
	if c.Buckets == "" {
		return nil
	}
	entries, err := os.ReadDir(c.Buckets)
	if err != nil {
		return nil // there was never a bucket
	}
	var names []string
	for _, e := range entries {
		if c.resources[bucketKind+" "+e.Name()] == nil {
			names = append(names, e.Name())
		}
	}
	return names
}

// Refusal is the error of Cloud Storage or GKE to a request, with the code that gRPC
// gives it.
type Refusal struct{ Code, Text string }

func (r *Refusal) Error() string { return r.Text }

// FuseEnabled reports whether a cluster has the Cloud Storage FUSE driver.
func (c *Cloud) FuseEnabled(cluster string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.resources {
		if r.Type == clusterKind && r.Inputs.text("name") == cluster {
			return r.Inputs.truth("addonsConfig.gcsFuseCsiDriverConfig.enabled")
		}
	}
	return false
}

var (
	readers = []string{"roles/storage.objectViewer", "roles/storage.objectUser", "roles/storage.objectAdmin", "roles/storage.admin"}
	writers = readers[1:]
)

// BucketAccess checks that a Kubernetes service account may list a bucket's objects,
// and if write is set make some. The refusal is Google's, as in
// https://cloud.google.com/storage/docs/troubleshooting.
func (c *Cloud) BucketAccess(project, name, namespace, account string, write bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.resources[bucketKind+" "+name]; b == nil || b.Creating {
		return &Refusal{"NotFound", "storage: bucket doesn't exist"}
	}
	permission, roles := "storage.objects.list", readers
	if write {
		permission, roles = "storage.objects.create", writers
	}
	principal := fmt.Sprintf("principal://iam.googleapis.com/projects/%d/locations/global/workloadIdentityPools/%s.svc.id.goog/subject/ns/%s/sa/%s",
		ProjectNumber(project), project, namespace, account)
	// The older form, which GKE's documentation of Workload Identity still takes.
	byPool := fmt.Sprintf("serviceAccount:%s.svc.id.goog[%s/%s]", project, namespace, account)
	for _, r := range c.resources {
		member := r.Inputs.text("member")
		if r.Type != bucketIAMKind || strings.TrimPrefix(r.Inputs.text("bucket"), "b/") != name || member != principal && member != byPool {
			continue
		}
		for _, role := range roles {
			if r.Inputs.text("role") == role {
				return nil
			}
		}
	}
	return &Refusal{"PermissionDenied", fmt.Sprintf(
		"googleapi: Error 403: Caller does not have %s access to the Google Cloud Storage bucket. Permission '%s' denied on resource (or it may not exist)., forbidden", permission, permission)}
}
