// Package secretversion parses the names of secret versions in Secret Manager.
package secretversion

import (
	"regexp"

	"sglang-tpu/spec/problem"
)

var secretVersion = regexp.MustCompile(`^projects/([^/]+)/secrets/([A-Za-z0-9_-]+)/versions/([0-9]+|latest)$`)

// Parse splits the name of a secret's version in Secret Manager into its parts. The error,
// a problem.Problem, says what such a name looks like.
func Parse(version string) (project, secret string, err error) {
	parts := secretVersion.FindStringSubmatch(version)
	if parts == nil {
		return "", "", problem.Problem{
			Value: version, Why: "does not name a version of a secret", Remedy: "use projects/PROJECT/secrets/NAME/versions/NUMBER",
		}
	}
	return parts[1], parts[2], nil
}
