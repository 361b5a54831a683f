package cloud

import (
	"fmt"
	"regexp"
	"strings"
)

const secretIAMKind = "gcp:secretmanager/secretIamMember:SecretIamMember"

// secretMember lets a member read one secret.
func secretMember() kind {
	return kind{
		id:      format("projects/%s/secrets/%s/%s/%s", "project", "secretId", "role", "member"),
		minutes: 0.1, shared: true,
		check: func(c *Cloud, in Values) error {
			name := "projects/" + in.text("project") + "/secrets/" + in.text("secretId")
			if _, ok := c.secrets[name]; !ok {
				return fmt.Errorf("googleapi: Error 404: Secret [%s] not found., notFound", name)
			}
			return checkAccountMember(c, in)
		},
	}
}

var secretVersion = regexp.MustCompile(`^(projects/[^/]+/secrets/[A-Za-z0-9_-]+)/versions/([0-9]+|latest)$`)

// AddSecretVersion is what gcloud does: it makes a secret if there is none, and puts a
// version in, whose name it returns. Values are never written anywhere.
func (c *Cloud) AddSecretVersion(secret, value string) (string, error) {
	if !secretVersion.MatchString(secret + "/versions/1") {
		return "", fmt.Errorf("%q is not a secret; use projects/PROJECT/secrets/NAME", secret)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[secret] = append(c.secrets[secret], value)
	return fmt.Sprintf("%s/versions/%d", secret, len(c.secrets[secret])), nil
}

// SecretManagerEnabled reports whether a cluster has the Secret Manager add-on.
func (c *Cloud) SecretManagerEnabled(cluster string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.resources {
		if r.Type == clusterKind && r.Inputs.text("name") == cluster {
			return r.Inputs.truth("secretManagerConfig.enabled")
		}
	}
	return false
}

// AccessSecret gives a Kubernetes service account a version's value, if it may read it
// (https://cloud.google.com/secret-manager/docs/access-control).
func (c *Cloud) AccessSecret(project, version, namespace, account string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	denied := &Refusal{Code: "PermissionDenied", Text: fmt.Sprintf("Permission 'secretmanager.versions.access' denied for resource '%s' (or it may not exist).", version)}
	parts := secretVersion.FindStringSubmatch(version)
	if parts == nil {
		return "", denied
	}
	allowed := false
	member := fmt.Sprintf("serviceAccount:%s.svc.id.goog[%s/%s]", project, namespace, account)
	for _, r := range c.resources {
		allowed = allowed || r.Type == secretIAMKind && !r.Creating && r.Inputs.text("member") == member &&
			r.Inputs.text("role") == "roles/secretmanager.secretAccessor" && strings.HasPrefix(r.ID, parts[1]+"/")
	}
	values := c.secrets[parts[1]]
	if !allowed || len(values) == 0 {
		return "", denied
	}
	n := len(values)
	if parts[2] != "latest" {
		if _, err := fmt.Sscan(parts[2], &n); err != nil || n < 1 || n > len(values) {
			return "", &Refusal{Code: "NotFound", Text: fmt.Sprintf("Secret Version [%s] not found.", version)}
		}
	}
	return values[n-1], nil
}
