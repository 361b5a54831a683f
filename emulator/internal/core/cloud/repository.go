package cloud

import "regexp"

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

// checkRepository enforces the API's rules on remote repositories and clean-up policies
// (artifactregistry v1, Repository). Open: the exact error texts. Like Google, it accepts a
// policy that deletes tagged images in a repository with immutable tags; the policy then has
// no effect.
func checkRepository(_ *Cloud, in Values) error {
	remote := in.text("mode") == remoteMode
	switch {
	case remote != (in["remoteRepositoryConfig"] != nil):
		return badRequest("remote_repository_config must be set for a repository of mode REMOTE_REPOSITORY, and for no other")
	case remote && in.truth("dockerConfig.immutableTags"):
		return badRequest("immutable tags are supported for standard repositories only")
	case remote && in.at("remoteRepositoryConfig.dockerRepository") == nil:
		return badRequest("the format DOCKER needs a docker_repository in remote_repository_config")
	}
	known := map[string]bool{}
	for _, policy := range in.objects("cleanupPolicies") {
		id, action := policy.text("id"), policy.text("action")
		condition, recent := policy["condition"] != nil, policy["mostRecentVersions"] != nil
		switch {
		case id == "" || known[id]:
			return badRequest("cleanup policies need ids of their own; %q is not", id)
		case action != "KEEP" && action != "DELETE":
			return badRequest("cleanup policy %q: action must be KEEP or DELETE", id)
		case condition == recent:
			return badRequest("cleanup policy %q: exactly one of condition and most_recent_versions must be set", id)
		case recent && action != "KEEP":
			return badRequest("cleanup policy %q: most_recent_versions is for KEEP policies only", id)
		}
		for _, age := range []string{"condition.olderThan", "condition.newerThan"} {
			if text := policy.text(age); text != "" && !duration.MatchString(text) {
				return badRequest("cleanup policy %q: %q is not a duration", id, text)
			}
		}
		known[id] = true
	}
	return nil
}

// repositoryInputs returns the inputs of a repository in any location; nil if there is none.
func (c *Cloud) repositoryInputs(project, repository string) Values {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.resources {
		if r.Type == repositoryKind && r.Inputs.text("project") == project && r.Inputs.text("repositoryId") == repository {
			return r.Inputs
		}
	}
	return nil
}

// RemoteRepository reports whether a repository is a pull-through cache of Docker Hub.
func (c *Cloud) RemoteRepository(project, repository string) bool {
	in := c.repositoryInputs(project, repository)
	return in.text("mode") == remoteMode && in.text("remoteRepositoryConfig.dockerRepository.publicRepository") == "DOCKER_HUB"
}

// ImmutableTags reports whether a repository forbids moving tags.
func (c *Cloud) ImmutableTags(project, repository string) bool {
	return c.repositoryInputs(project, repository).truth("dockerConfig.immutableTags")
}
