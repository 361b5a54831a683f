package cluster

import "encoding/json"

// credentials makes the plugin take the application default credentials, which the gcp
// provider takes, too: one login, by a person or by Workload Identity Federation, serves
// both. Without the flag it asks gcloud for an account of its own.
const credentials = "--use_application_default_credentials"

// Kubeconfig is for clients that log in with gke-gcloud-auth-plugin. It holds no
// token: destroy and refresh do not run the program, so a token in the state would be
// a dead one when they need it. It names no certificate authority either, because the
// DNS endpoint's certificate is publicly trusted.
func Kubeconfig(name, endpoint string) (string, error) {
	text, err := json.Marshal(map[string]any{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": name,
		"clusters": []any{map[string]any{
			"name":    name,
			"cluster": map[string]any{"server": "https://" + endpoint},
		}},
		"contexts": []any{map[string]any{
			"name":    name,
			"context": map[string]any{"cluster": name, "user": name},
		}},
		"users": []any{map[string]any{
			"name": name,
			"user": map[string]any{"exec": map[string]any{
				"apiVersion":         "client.authentication.k8s.io/v1beta1",
				"command":            "gke-gcloud-auth-plugin",
				"args":               []any{credentials},
				"interactiveMode":    "IfAvailable",
				"provideClusterInfo": true,
				"installHint":        "gcloud components install gke-gcloud-auth-plugin",
			}},
		}},
	})
	return string(text), err
}
