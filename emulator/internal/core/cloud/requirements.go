package cloud

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"

	"sglang-tpu/spec/prerequisites"
)

// enabled returns Google's error if an API is disabled in the project
// (terraform-google-kubernetes-engine issue 1245); the caller holds mu.
func (c *Cloud) enabled(a prerequisites.API, project string) error {
	if c.Lenient {
		return nil
	}
	for _, r := range c.resources {
		if r.Type == serviceKind && !r.Creating && r.Inputs.text("project") == project && r.Inputs.text("service") == a.Name {
			return nil
		}
	}
	return fmt.Errorf("googleapi: Error 403: %s has not been used in project %s before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/%s/overview?project=%s then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry., accessNotConfigured",
		a.Title, project, a.Name, project)
}

// requires checks that the API of a resource's type is enabled; the caller holds mu.
func (c *Cloud) requires(r *Resource) error {
	project := r.Inputs.text("project")
	if id := strings.Split(r.ID, "/"); project == "" && id[0] == "projects" && len(id) > 1 {
		project = id[1]
	}
	if project == "" {
		return nil // an IAM member of a bucket, which exists only if the API was enabled
	}
	for _, a := range prerequisites.APIs {
		if slices.ContainsFunc(a.Types, func(prefix string) bool { return strings.HasPrefix(r.Type, prefix) }) {
			return c.enabled(a, project)
		}
	}
	return nil
}

// streamingRole is required for image streaming if the nodes do not use the default service
// account (GKE documentation, Use Image streaming, Requirements).
const streamingRole = "roles/serviceusage.serviceUsageConsumer"

// StreamingAllowed returns an error if a node with image streaming cannot pull images from
// Artifact Registry. Pods then do not start (terraform-google-kubernetes-engine issue 2251).
// Open: the exact error text.
func (c *Cloud) StreamingAllowed(project, email string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.enabled(prerequisites.ImageStreaming, project); err != nil {
		return err
	}
	if c.Lenient || email == "" || email == "default" || c.grantedOnProject(project, "serviceAccount:"+email, streamingRole) {
		return nil
	}
	return fmt.Errorf("Permission 'serviceusage.services.use' denied on resource 'projects/%s' (or it may not exist) for %s", project, email)
}

// checkPosture rejects a mode that GKE no longer offers (API reference of container/v1,
// SecurityPostureConfig.VulnerabilityMode: "Basic vulnerability scanning is no longer
// supported"). Open: the exact error text.
func checkPosture(in Values) error {
	if in.text("securityPostureConfig.vulnerabilityMode") == "VULNERABILITY_BASIC" {
		return badRequest("VULNERABILITY_BASIC is no longer supported")
	}
	return nil
}

// encrypted returns databaseEncryption as GKE 1.35 and later report it: with another state
// than the requested one (google-beta provider, CHANGELOG: "fixed a permadiff in
// google_container_cluster where database_encryption.state returning
// ALL_OBJECTS_ENCRYPTION_ENABLED ..."). Version 6.49.2 of the provider sees a change there.
func encrypted(in Values) Values {
	if in.text("databaseEncryption.state") != "ENCRYPTED" || !atLeast(in.text("minMasterVersion"), 35) {
		return nil
	}
	block, _ := runtime.DeepCopyJSONValue(in["databaseEncryption"]).(map[string]any)
	block["state"] = "ALL_OBJECTS_ENCRYPTION_ENABLED"
	return Values{"databaseEncryption": block}
}

// ReadInputs returns a resource's inputs as a refresh reports them to the engine: with the
// values of the state (pulumi-terraform-bridge 3.112, extractInputs). Only the property whose
// value GKE changes is taken from the state; see encrypted.
func ReadInputs(r *Resource) Values {
	in := r.Inputs.clone()
	if block, ok := r.Outputs["databaseEncryption"]; ok && in["databaseEncryption"] != nil {
		in["databaseEncryption"] = runtime.DeepCopyJSONValue(block)
	}
	return in
}

// atLeast reports whether the minor version of a version such as 1.35 or 1.35.8-gke.1 is at
// least minor. An empty version means the newest.
func atLeast(text string, minor uint) bool {
	v, err := version.ParseGeneric(text)
	return err != nil || v.Minor() >= minor
}

// states are the valid values of databaseEncryption.state (schema of google-beta 6.49.2). The
// one that GKE reports is not among them.
var states = []string{"ENCRYPTED", "DECRYPTED"}

// invalidValues returns the errors of the schema's validation functions by path.
func invalidValues(typ string, in Values) map[string]string {
	state, given := in.at("databaseEncryption.state").(string)
	if typ != clusterKind || !given || state == Unknown || slices.Contains(states, state) {
		return nil
	}
	return map[string]string{"databaseEncryption.state": fmt.Sprintf("expected database_encryption.0.state to be one of %q, got %s", states, state)}
}
