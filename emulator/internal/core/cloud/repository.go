package cloud

import (
	"fmt"
	"regexp"
)

func repository() kind {
	return kind{
		id:      format("projects/%s/locations/%s/repositories/%s", "project", "location", "repositoryId"),
		minutes: 0.3, outputs: func(in Values) Values { return Values{"name": in.text("repositoryId")} },
		check: checkRepository,
		remove: func(o *operation) error {
			if o.cloud.RepositoryDeleted != nil {
				o.cloud.RepositoryDeleted(o.resource.Inputs.text("project") + "/" + o.resource.Inputs.text("repositoryId"))
			}
			return nil
		},
	}
}

const remoteMode = "REMOTE_REPOSITORY"

var duration = regexp.MustCompile(`^\d+(\.\d+)?(s|m|h|d)$`)

// checkRepository keeps what the API documents of remote repositories and clean-up policies
// (artifactregistry v1, Repository). Its words: open, not seen on a real project. It takes
// a policy that would delete tagged images of a repository with immutable tags, as Google
// does, and such a policy then deletes nothing.
func checkRepository(_ *Cloud, in Values) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("googleapi: Error 400: "+format+", badRequest", args...)
	}
	remote := in.text("mode") == remoteMode
	switch {
	case remote != (in["remoteRepositoryConfig"] != nil):
		return refuse("remote_repository_config must be set for a repository of mode REMOTE_REPOSITORY, and for no other")
	case remote && in.truth("dockerConfig.immutableTags"):
		return refuse("immutable tags are supported for standard repositories only")
	case remote && in.at("remoteRepositoryConfig.dockerRepository") == nil:
		return refuse("the format DOCKER needs a docker_repository in remote_repository_config")
	}
	known := map[string]bool{}
	for _, entry := range in.list("cleanupPolicies") {
		m, _ := entry.(map[string]any)
		policy := Values(m)
		id, action := policy.text("id"), policy.text("action")
		condition, recent := policy["condition"] != nil, policy["mostRecentVersions"] != nil
		switch {
		case id == "" || known[id]:
			return refuse("cleanup policies need ids of their own; %q is not", id)
		case action != "KEEP" && action != "DELETE":
			return refuse("cleanup policy %q: action must be KEEP or DELETE", id)
		case condition == recent:
			return refuse("cleanup policy %q: exactly one of condition and most_recent_versions must be set", id)
		case recent && action != "KEEP":
			return refuse("cleanup policy %q: most_recent_versions is for KEEP policies only", id)
		}
		for _, age := range []string{"condition.olderThan", "condition.newerThan"} {
			if text := policy.text(age); text != "" && !duration.MatchString(text) {
				return refuse("cleanup policy %q: %q is not a duration", id, text)
			}
		}
		known[id] = true
	}
	return nil
}

// RemoteRepository reports whether a repository fetches from Docker Hub what it is
// asked for.
func (c *Cloud) RemoteRepository(project, repository string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.resources {
		if r.Type == repositoryKind && r.Inputs.text("project") == project && r.Inputs.text("repositoryId") == repository {
			return r.Inputs.text("mode") == remoteMode && r.Inputs.text("remoteRepositoryConfig.dockerRepository.publicRepository") == "DOCKER_HUB"
		}
	}
	return false
}
