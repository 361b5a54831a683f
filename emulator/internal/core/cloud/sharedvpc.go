package cloud

import (
	"fmt"
	"strings"
)

// hostAgentRole is what GKE's service agent of a service project needs in the host project
// of a Shared VPC (documentation, Clusters with Shared VPC: Host Service Agent User).
const hostAgentRole = "roles/container.hostServiceAgentUser"

// checkHost refuses a cluster in another project's network whose owner has not let GKE in.
// The words: open, not seen on a real project. The role of Network User on the subnetwork,
// which GKE needs as well, is not emulated.
func checkHost(c *Cloud, in Values) error {
	parts := strings.Split(strings.TrimPrefix(in.text("network"), "https://www.googleapis.com/compute/v1/"), "/")
	if len(parts) < 2 || parts[0] != "projects" || parts[1] == in.text("project") {
		return nil
	}
	agent := fmt.Sprintf("serviceAccount:service-%d@container-engine-robot.iam.gserviceaccount.com", ProjectNumber(in.text("project")))
	for _, r := range c.resources {
		if r.Type == projectIAMKind && r.Inputs.text("project") == parts[1] && r.Inputs.text("role") == hostAgentRole && r.Inputs.text("member") == agent {
			return nil
		}
	}
	return fmt.Errorf("googleapi: Error 403: %s needs %s in the host project %s, forbidden", agent, hostAgentRole, parts[1])
}
