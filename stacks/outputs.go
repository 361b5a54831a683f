package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/serving"
	"sglang-tpu/stacks/config"
)

// outputs are what a person uses next, ready to paste, and the plan, which a reviewer
// wants to see in the preview.
func outputs(c *config.Config, gke *cluster.Cluster, image string) pulumi.Map {
	return pulumi.Map{
		"cluster":    gke.Name,
		"location":   pulumi.String(c.Region),
		"kubeconfig": gke.Kubeconfig,
		"getCredentialsCommand": pulumi.Sprintf(
			"gcloud container clusters get-credentials %s --location %s --project %s --dns-endpoint && kubectl config set-context --current --namespace %s",
			gke.Name, c.Region, c.Project, servingNamespace),
		"namespace":          pulumi.String(servingNamespace),
		"image":              pulumi.String(image),
		"leaderWorkerSet":    pulumi.String(serving.SetName),
		"service":            pulumi.String(serving.ServiceName),
		"portForwardCommand": pulumi.String(fmt.Sprintf("kubectl port-forward svc/%s %d:%d", serving.ServiceName, serving.Port, serving.Port)),
		"curlCommand": pulumi.String(fmt.Sprintf(
			`curl -X POST http://localhost:%d/generate -H "Content-Type: application/json" -d '{"text": "Hello, world!", "sampling_params": {"max_new_tokens": 10}}'`, serving.Port)),
		"replicas": pulumi.Int(c.Replicas),
		"plan": pulumi.Map{
			"model":        pulumi.String(c.Model.ID),
			"topology":     pulumi.String(c.Topology.String()),
			"devices":      pulumi.Int(c.Plan.Devices),
			"tpSize":       pulumi.Int(c.Plan.Devices),
			"dpSize":       pulumi.Int(c.Plan.DP),
			"epSize":       pulumi.Int(c.Plan.EP),
			"gibPerDevice": pulumi.Float64(c.Plan.GiBPerDevice),
		},
	}
}
