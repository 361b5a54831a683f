// Package prerequisites lists what a machine, an account and a Google Cloud project need
// before the stack can be deployed. The documentation's tables and the doctor command
// read the same lists.
package prerequisites

import "slices"

// Tool is a program that has to be installed on the machine that deploys.
type Tool struct {
	Name    string
	Minimum string   // oldest version that works; empty: no version is known to be too old
	For     string   // what needs it
	Install string   // the command that installs it, or where to get it
	Version []string // the command that prints its version
	// Advice is true for a tool that pulumi up does not need.
	Advice bool
}

// Install returns the command that installs a tool of Tools, or where to get it.
func Install(name string) string {
	return Tools[slices.IndexFunc(Tools, func(t Tool) bool { return t.Name == name })].Install
}

// Tools are what pulumi preview and pulumi up of a real stack need, and kubectl, which
// the outputs' commands use.
var Tools = []Tool{
	{
		Name: "go", Minimum: "1.26", For: "compiling the program, which Pulumi does",
		Install: "https://go.dev/doc/install",
		Version: []string{"go", "version"},
	},
	{
		Name: "pulumi", Minimum: "3.209.0", For: "preview, up and destroy",
		Install: "https://www.pulumi.com/docs/install/",
		Version: []string{"pulumi", "version"},
	},
	{
		Name: "gcloud", For: "login, and the output getCredentialsCommand",
		Install: "https://cloud.google.com/sdk/docs/install",
		Version: []string{"gcloud", "version", "--format=json"},
	},
	{
		Name: "gke-gcloud-auth-plugin", For: "the cluster's kubeconfig, for Pulumi and kubectl",
		Install: "gcloud components install gke-gcloud-auth-plugin; where gcloud comes from apt: apt-get install google-cloud-cli-gke-gcloud-auth-plugin",
		Version: []string{"gke-gcloud-auth-plugin", "--version"},
	},
	{
		// Kubernetes supports a kubectl that is at most one minor version away from the
		// API server (https://kubernetes.io/releases/version-skew-policy/#kubectl).
		Name: "kubectl", Minimum: "1.34", For: "looking at pods and reaching the endpoint", Advice: true,
		Install: "gcloud components install kubectl; where gcloud comes from apt: apt-get install kubectl",
		Version: []string{"kubectl", "version", "--client", "--output=json"},
	},
}
