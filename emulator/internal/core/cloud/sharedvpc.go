package cloud

import (
	"fmt"
	"strings"
)

// hostAgentRole is the role that the GKE service agent of a service project needs in the host
// project of a Shared VPC (documentation, Clusters with Shared VPC: Host Service Agent User).
const hostAgentRole = "roles/container.hostServiceAgentUser"

// checkHost rejects a cluster in another project's network if the GKE service agent lacks
// hostAgentRole there. Open: the exact error text. GKE also needs Network User on the
// subnetwork; that is not emulated.
func checkHost(c *Cloud, in Values) error {
	parts := strings.Split(strings.TrimPrefix(in.text("network"), "https://www.googleapis.com/compute/v1/"), "/")
	if len(parts) < 2 || parts[0] != "projects" || parts[1] == in.text("project") {
		return nil
	}
	agent := fmt.Sprintf("serviceAccount:service-%d@container-engine-robot.iam.gserviceaccount.com", ProjectNumber(in.text("project")))
	if c.grantedOnProject(parts[1], agent, hostAgentRole) {
		return nil
	}
	return fmt.Errorf("googleapi: Error 403: %s needs %s in the host project %s, forbidden", agent, hostAgentRole, parts[1])
}
