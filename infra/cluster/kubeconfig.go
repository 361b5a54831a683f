package cluster

import "encoding/json"

// credentials makes the plugin use the application default credentials, like the gcp
// provider, so that one login, by a person or by Workload Identity Federation, is enough
// for both. Without the flag, the plugin uses gcloud's account.
const credentials = "--use_application_default_credentials"

// Kubeconfig returns a kubeconfig for clients that log in with gke-gcloud-auth-plugin. It
// contains no token: destroy and refresh do not run the program, so a token in the state
// would have expired when they need it. It contains no certificate authority either,
// because the DNS endpoint's certificate is publicly trusted.
func Kubeconfig(name, endpoint string) string {
	// Each list of a kubeconfig has one entry, of the same name.
	list := func(kind string, entry map[string]any) []any {
		return []any{map[string]any{"name": name, kind: entry}}
	}
	// Encoding strings cannot fail.
	text, _ := json.Marshal(map[string]any{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": name,
		"clusters":        list("cluster", map[string]any{"server": "https://" + endpoint}),
		"contexts":        list("context", map[string]any{"cluster": name, "user": name}),
		"users": list("user", map[string]any{"exec": map[string]any{
			"apiVersion":         "client.authentication.k8s.io/v1beta1",
			"command":            "gke-gcloud-auth-plugin",
			"args":               []any{credentials},
			"interactiveMode":    "IfAvailable",
			"provideClusterInfo": true,
			"installHint":        "gcloud components install gke-gcloud-auth-plugin",
		}}),
	})
	return string(text)
}
