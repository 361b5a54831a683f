package cloud

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tokenPrefix starts an access token. The rest is the account's e-mail; once tokens of the
// account have expired, the generation precedes it.
const tokenPrefix = "ya29.emulated."

var accessToken = regexp.MustCompile(`^ya29\.emulated\.(?:(\d+)\.)?(.*)$`)

// ExpireTokens expires all access tokens of an account.
func (c *Cloud) ExpireTokens(email string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generations[email]++
}

// Expired reports whether an access token has expired.
func (c *Cloud) Expired(token string) bool {
	parts := accessToken.FindStringSubmatch(token)
	if parts == nil {
		return false
	}
	generation, _ := strconv.Atoi(parts[1]) // empty: the first generation
	c.mu.Lock()
	defer c.mu.Unlock()
	return generation < c.generations[parts[2]]
}

// WorkloadIdentityToken returns an access token of a Google service account for a Kubernetes
// service account, if an IAM binding allows it
// (https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity).
func (c *Cloud) WorkloadIdentityToken(project, namespace, account, email string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	onAccount := func(binding Values) bool { return strings.HasSuffix(binding.text("serviceAccountId"), "/"+email) }
	if !c.granted(accountIAMKind, onAccount, workloadMember(project, namespace, account), "roles/iam.workloadIdentityUser") {
		return "", errors.New("Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).")
	}
	if n := c.generations[email]; n > 0 {
		return fmt.Sprintf("%s%d.%s", tokenPrefix, n, email), nil
	}
	return tokenPrefix + email, nil
}

// workloadMember is the IAM member of a Kubernetes service account.
func workloadMember(project, namespace, account string) string {
	return fmt.Sprintf("serviceAccount:%s.svc.id.goog[%s/%s]", project, namespace, account)
}

// granted reports whether a binding of a kind gives a member one of the roles on a resource;
// on selects the resource's bindings. The caller holds mu.
func (c *Cloud) granted(kind string, on func(binding Values) bool, member string, roles ...string) bool {
	for _, r := range c.resources {
		if r.Type == kind && r.Inputs.text("member") == member && slices.Contains(roles, r.Inputs.text("role")) && on(r.Inputs) {
			return true
		}
	}
	return false
}

// grantedOnProject is granted for the roles of a project. The caller holds mu.
func (c *Cloud) grantedOnProject(project, member, role string) bool {
	return c.granted(projectIAMKind, func(binding Values) bool { return binding.text("project") == project }, member, role)
}

var poolMember = regexp.MustCompile(`^serviceAccount:([^/\[\]]+\.svc\.id\.goog)\[`)

// checkAccountMember rejects a Kubernetes service account as a member before the project has
// its first cluster.
func checkAccountMember(c *Cloud, in Values) error {
	if pool := poolMember.FindStringSubmatch(in.text("member")); pool != nil && !c.hasIdentityPool(pool[1]) {
		return noIdentityPool(pool[1])
	}
	return nil
}

// noIdentityPool is IAM's error, as users report it, if a project never had a cluster with
// Workload Identity.
func noIdentityPool(pool string) error {
	return fmt.Errorf("googleapi: Error 400: Identity Pool does not exist (%s). Please check that you specified a valid resource name as returned in the `name` attribute in the configuration API., invalid", pool)
}

// RepositoryAllowed returns an error unless a service account may push to, or pull from, a
// repository such as us-central1-docker.pkg.dev/project/repository
// (https://cloud.google.com/artifact-registry/docs/access-control).
func (c *Cloud) RepositoryAllowed(email, path string, push bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	host, rest, _ := strings.Cut(path, "/")
	project, repository, _ := strings.Cut(rest, "/")
	location := strings.TrimSuffix(host, "-docker.pkg.dev")
	id := fmt.Sprintf("projects/%s/locations/%s/repositories/%s", project, location, repository)
	if c.resources[repositoryKind+" "+id] == nil {
		return fmt.Errorf("name unknown: Repository %q not found", repository)
	}
	permission, roles := "artifactregistry.repositories.downloadArtifacts", []string{"roles/artifactregistry.reader", "roles/artifactregistry.writer"}
	if push {
		permission, roles = "artifactregistry.repositories.uploadArtifacts", roles[1:]
	}
	onRepository := func(binding Values) bool {
		return binding.text("repository") == repository && binding.text("project") == project
	}
	if c.granted(repoIAMKind, onRepository, "serviceAccount:"+email, roles...) {
		return nil
	}
	return fmt.Errorf("denied: Permission %q denied on resource %q (or it may not exist)", permission, id)
}

// Email returns the account of an access token; empty if the emulator did not issue it.
func Email(token string) string {
	parts := accessToken.FindStringSubmatch(token)
	if parts == nil {
		return ""
	}
	return parts[2]
}
