package cloud

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// tokenPrefix begins an access token; the account's e-mail follows, after the first
// generation with the generation's number before it.
const tokenPrefix = "ya29.emulated."

var accessToken = regexp.MustCompile(`^ya29\.emulated\.(?:(\d+)\.)?(.*)$`)

// ExpireTokens ends the life of all access tokens that an account has been given.
func (c *Cloud) ExpireTokens(email string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generations[email]++
}

// Expired reports whether an access token has ended its life.
func (c *Cloud) Expired(token string) bool {
	parts := accessToken.FindStringSubmatch(token)
	if parts == nil {
		return false
	}
	generation, _ := strconv.Atoi(parts[1]) // none is the first
	c.mu.Lock()
	defer c.mu.Unlock()
	return generation < c.generations[parts[2]]
}

// WorkloadIdentityToken gives a pod an access token of the Google service account that
// its Kubernetes service account is annotated with, if the binding allows it
// (https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity).
func (c *Cloud) WorkloadIdentityToken(project, namespace, account, email string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	member := fmt.Sprintf("serviceAccount:%s.svc.id.goog[%s/%s]", project, namespace, account)
	for _, r := range c.resources {
		if r.Type == accountIAMKind && r.Inputs.text("role") == "roles/iam.workloadIdentityUser" &&
			r.Inputs.text("member") == member && strings.HasSuffix(r.Inputs.text("serviceAccountId"), "/"+email) {
			if n := c.generations[email]; n > 0 {
				return fmt.Sprintf("%s%d.%s", tokenPrefix, n, email), nil
			}
			return tokenPrefix + email, nil
		}
	}
	return "", fmt.Errorf("Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).")
}

var poolMember = regexp.MustCompile(`^serviceAccount:([^/\[\]]+\.svc\.id\.goog)\[`)

// checkAccountMember refuses a Kubernetes service account of a project that has had no
// cluster yet.
func checkAccountMember(c *Cloud, in Values) error {
	if pool := poolMember.FindStringSubmatch(in.text("member")); pool != nil && !c.hasIdentityPool(pool[1]) {
		return noIdentityPool(pool[1])
	}
	return nil
}

// noIdentityPool is IAM's error before the project's first cluster with Workload
// Identity, as users report it.
func noIdentityPool(pool string) error {
	return fmt.Errorf("googleapi: Error 400: Identity Pool does not exist (%s). Please check that you specified a valid resource name as returned in the `name` attribute in the configuration API., invalid", pool)
}

// RepositoryAllowed checks whether a service account may push to, or pull from, a
// repository such as us-central1-docker.pkg.dev/project/repository, as
// https://cloud.google.com/artifact-registry/docs/access-control has it.
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
	for _, r := range c.resources {
		if r.Type != repoIAMKind || r.Inputs.text("repository") != repository || r.Inputs.text("project") != project ||
			r.Inputs.text("member") != "serviceAccount:"+email {
			continue
		}
		for _, role := range roles {
			if r.Inputs.text("role") == role {
				return nil
			}
		}
	}
	return fmt.Errorf("denied: Permission %q denied on resource %q (or it may not exist)", permission, id)
}

// ImmutableTags reports whether a repository's tags may not move.
func (c *Cloud) ImmutableTags(project, repository string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.resources {
		if r.Type == repositoryKind && r.Inputs.text("project") == project && r.Inputs.text("repositoryId") == repository {
			return r.Inputs.truth("dockerConfig.immutableTags")
		}
	}
	return false
}

// Email is the account behind an access token; empty for a token that was never issued.
func Email(token string) string {
	parts := accessToken.FindStringSubmatch(token)
	if parts == nil {
		return ""
	}
	return parts[2]
}
