package cloud

import (
	"fmt"
	"regexp"

	"google.golang.org/grpc/codes"
)

const secretIAMKind = "gcp:secretmanager/secretIamMember:SecretIamMember"

// secretMember is an IAM binding that lets a member read one secret.
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

// AddSecretVersion adds a version to a secret, creates the secret if needed, and returns the
// version's name. Values are kept in memory only.
func (c *Cloud) AddSecretVersion(secret, value string) (string, error) {
	if !secretVersion.MatchString(secret + "/versions/1") {
		return "", fmt.Errorf("%q is not a secret; use projects/PROJECT/secrets/NAME", secret)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[secret] = append(c.secrets[secret], value)
	return fmt.Sprintf("%s/versions/%d", secret, len(c.secrets[secret])), nil
}

// AccessSecret returns the value of a secret's version if a Kubernetes service account may
// read it (https://cloud.google.com/secret-manager/docs/access-control).
func (c *Cloud) AccessSecret(project, version, namespace, account string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	denied := &Refusal{Code: codes.PermissionDenied, Text: fmt.Sprintf("Permission 'secretmanager.versions.access' denied for resource '%s' (or it may not exist).", version)}
	parts := secretVersion.FindStringSubmatch(version)
	if parts == nil {
		return "", denied
	}
	onSecret := func(binding Values) bool {
		return "projects/"+binding.text("project")+"/secrets/"+binding.text("secretId") == parts[1]
	}
	values := c.secrets[parts[1]]
	if len(values) == 0 || !c.granted(secretIAMKind, onSecret, workloadMember(project, namespace, account), "roles/secretmanager.secretAccessor") {
		return "", denied
	}
	n := len(values)
	if parts[2] != "latest" {
		if _, err := fmt.Sscan(parts[2], &n); err != nil || n < 1 || n > len(values) {
			return "", &Refusal{Code: codes.NotFound, Text: fmt.Sprintf("Secret Version [%s] not found.", version)}
		}
	}
	return values[n-1], nil
}
