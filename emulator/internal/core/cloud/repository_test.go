package cloud

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func repositoryValues(set ...any) Values {
	v := Values{"project": "p", "location": "us-central1", "repositoryId": "r", "format": "DOCKER"}
	for i := 0; i < len(set); i += 2 {
		v[set[i].(string)] = set[i+1]
	}
	return v
}

func TestRepositoriesThatArtifactRegistryRejects(t *testing.T) {
	hub := object("dockerRepository", object("publicRepository", "DOCKER_HUB"))
	policy := func(pairs ...any) []any { return []any{object(pairs...)} }
	for name, tc := range map[string]struct {
		in   Values
		want string
	}{
		"standard":                         {repositoryValues("dockerConfig", object("immutableTags", true)), ""},
		"remote":                           {repositoryValues("mode", "REMOTE_REPOSITORY", "remoteRepositoryConfig", hub), ""},
		"remote of nothing":                {repositoryValues("mode", "REMOTE_REPOSITORY"), "remote_repository_config must be set"},
		"remote without the mode":          {repositoryValues("remoteRepositoryConfig", hub), "remote_repository_config must be set"},
		"remote with immutable tags":       {repositoryValues("mode", "REMOTE_REPOSITORY", "remoteRepositoryConfig", hub, "dockerConfig", object("immutableTags", true)), "standard repositories only"},
		"keeping the last":                 {repositoryValues("cleanupPolicies", policy("id", "a", "action", "KEEP", "mostRecentVersions", object("keepCount", 5.0))), ""},
		"deleting the old":                 {repositoryValues("cleanupPolicies", policy("id", "a", "action", "DELETE", "condition", object("olderThan", "30d"))), ""},
		"deleting the last":                {repositoryValues("cleanupPolicies", policy("id", "a", "action", "DELETE", "mostRecentVersions", object("keepCount", 5.0))), "most_recent_versions is for KEEP policies only"},
		"a policy of nothing":              {repositoryValues("cleanupPolicies", policy("id", "a", "action", "DELETE")), "exactly one of"},
		"a policy without an id":           {repositoryValues("cleanupPolicies", policy("action", "KEEP")), "ids of their own"},
		"an age that is not a duration":    {repositoryValues("cleanupPolicies", policy("id", "a", "action", "DELETE", "condition", object("olderThan", "a month"))), "is not a duration"},
		"an action that is none of Google": {repositoryValues("cleanupPolicies", policy("id", "a", "action", "ARCHIVE", "condition", object("olderThan", "30d"))), "KEEP or DELETE"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := open(t, stateFile(t))
			_, err := c.Create(context.Background(), repositoryKind, tc.in)
			if tc.want != "" {
				require.ErrorContains(t, err, tc.want)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, name == "remote", c.RemoteRepository("p", "r"))
		})
	}
}
