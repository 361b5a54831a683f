package pulumitest

// defaultOutputs are the outputs of Google that components read.
func defaultOutputs() map[string]func(Resource) map[string]any {
	return map[string]func(Resource) map[string]any{
		"gcp:serviceaccount/account:Account": func(r Resource) map[string]any {
			account, _ := r.Value("accountId").(string)
			project, _ := r.Value("project").(string)
			email := account + "@" + project + ".iam.gserviceaccount.com"
			return map[string]any{
				"email":  email,
				"member": "serviceAccount:" + email,
				"name":   "projects/" + project + "/serviceAccounts/" + email,
			}
		},
		"gcp:storage/bucket:Bucket": func(Resource) map[string]any { return map[string]any{"projectNumber": 123456789012} },
		"gcp:container/cluster:Cluster": func(Resource) map[string]any {
			return map[string]any{
				"endpoint":   "203.0.113.9",
				"masterAuth": map[string]any{"clusterCaCertificate": "Y2VydGlmaWNhdGU="},
				"controlPlaneEndpointsConfig": map[string]any{"dnsEndpointConfig": map[string]any{
					"endpoint": "gke-test.us-central1.gke.goog", "allowExternalTraffic": true,
				}},
			}
		},
	}
}
