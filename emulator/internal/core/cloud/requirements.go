package cloud

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"sglang-tpu/spec/prerequisites"
)

// enabled refuses to make what an API makes that is off in the project; the caller holds
// mu. The sentence is Google's for every API (terraform-google-kubernetes-engine issue 1245).
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

// requires checks the API behind a type; the caller holds mu.
func (c *Cloud) requires(r *Resource) error {
	project := r.Inputs.text("project")
	if id := strings.Split(r.ID, "/"); project == "" && id[0] == "projects" && len(id) > 1 {
		project = id[1]
	}
	if project == "" {
		return nil // a member of a bucket's policy, which exists only with the API
	}
	for _, a := range prerequisites.APIs {
		if slices.ContainsFunc(a.Types, func(prefix string) bool { return strings.HasPrefix(r.Type, prefix) }) {
			return c.enabled(a, project)
		}
	}
	return nil
}

// streamingRole is what the account of a node needs to stream images, unless it is the
// default one. Source: GKE documentation, Use Image streaming, Requirements.
const streamingRole = "roles/serviceusage.serviceUsageConsumer"

// StreamingAllowed returns why a node with image streaming gets no image of Artifact
// Registry. That pods do not start is terraform-google-kubernetes-engine issue 2251; the
// words in which a node says so: open, not seen on a real GKE.
func (c *Cloud) StreamingAllowed(project, email string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.enabled(prerequisites.ImageStreaming, project); err != nil {
		return err
	}
	if c.Lenient || email == "" || email == "default" {
		return nil
	}
	for _, r := range c.resources {
		if r.Type == projectIAMKind && r.Inputs.text("project") == project && r.Inputs.text("role") == streamingRole &&
			r.Inputs.text("member") == "serviceAccount:"+email {
			return nil
		}
	}
	return fmt.Errorf("Permission 'serviceusage.services.use' denied on resource 'projects/%s' (or it may not exist) for %s", project, email)
}

// checkPosture refuses what GKE no longer offers (API reference of container/v1,
// SecurityPostureConfig.VulnerabilityMode: "Basic vulnerability scanning is no longer
// supported"). The words of the refusal: open, not seen on a real GKE.
func checkPosture(in Values) error {
	if in.text("securityPostureConfig.vulnerabilityMode") == "VULNERABILITY_BASIC" {
		return fmt.Errorf("googleapi: Error 400: VULNERABILITY_BASIC is no longer supported, badRequest")
	}
	return nil
}

// encrypted is databaseEncryption as the cluster reads back: from 1.35 on another word than
// the one that was asked for (google-beta provider, CHANGELOG: "fixed a permadiff in
// google_container_cluster where database_encryption.state returning
// ALL_OBJECTS_ENCRYPTION_ENABLED ..."; 6.49.2 takes it for a change).
func encrypted(in Values) Values {
	if in.text("databaseEncryption.state") != "ENCRYPTED" || !atLeast(in.text("minMasterVersion"), 35) {
		return nil
	}
	block, _ := runtime.DeepCopyJSONValue(in["databaseEncryption"]).(map[string]any)
	block["state"] = "ALL_OBJECTS_ENCRYPTION_ENABLED"
	return Values{"databaseEncryption": block}
}

// ReadInputs are a resource's inputs as a refresh gives them to the engine: what the state
// holds in the place of what was asked for (pulumi-terraform-bridge 3.112, extractInputs).
// Here only the property matters that reads back in another word.
func ReadInputs(r *Resource) Values {
	in := r.Inputs.clone()
	if block, ok := r.Outputs["databaseEncryption"]; ok && in["databaseEncryption"] != nil {
		in["databaseEncryption"] = runtime.DeepCopyJSONValue(block)
	}
	return in
}

// atLeast reports whether a version such as 1.35 or 1.35.8-gke.1 is of a minor or newer;
// no version is the newest.
func atLeast(version string, minor int) bool {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return true
	}
	n, err := strconv.Atoi(parts[1])
	return err == nil && n >= minor
}

// states are those that the provider takes for databaseEncryption.state (schema of
// google-beta 6.49.2): not the one that a cluster reads back.
var states = []string{"ENCRYPTED", "DECRYPTED"}

// invalidValues are what the provider's schema refuses before it asks Google, beside what
// is missing or unknown.
func invalidValues(typ string, in Values) map[string]string {
	state, given := in.at("databaseEncryption.state").(string)
	if typ != clusterKind || !given || state == Unknown || slices.Contains(states, state) {
		return nil
	}
	return map[string]string{"databaseEncryption.state": fmt.Sprintf("expected database_encryption.0.state to be one of %q, got %s", states, state)}
}
