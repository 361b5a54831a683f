package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/cluster"
	"sglang-tpu/infra/serving"
	"sglang-tpu/stacks/config"
)

// export gives what a person uses next, ready to paste, and the plan, which a reviewer
// wants to see in the preview.
func export(ctx *pulumi.Context, c *config.Config, gke *cluster.Cluster, image string) {
	ctx.Export("cluster", gke.Name)
	ctx.Export("location", pulumi.String(c.Region))
	ctx.Export("kubeconfig", gke.Kubeconfig)
	ctx.Export("getCredentialsCommand", pulumi.Sprintf(
		"gcloud container clusters get-credentials %s --location %s --project %s --dns-endpoint && kubectl config set-context --current --namespace %s",
		gke.Name, c.Region, c.Project, servingNamespace))
	ctx.Export("namespace", pulumi.String(servingNamespace))
	ctx.Export("image", pulumi.String(image))
	ctx.Export("leaderWorkerSet", pulumi.String(serving.SetName))
	ctx.Export("service", pulumi.String(serving.ServiceName))
	ctx.Export("portForwardCommand", pulumi.String(fmt.Sprintf("kubectl port-forward svc/%s %d:%d", serving.ServiceName, serving.Port, serving.Port)))
	ctx.Export("curlCommand", pulumi.String(fmt.Sprintf(
		`curl -X POST http://localhost:%d/generate -H "Content-Type: application/json" -d '{"text": "Hello, world!", "sampling_params": {"max_new_tokens": 10}}'`, serving.Port)))
	ctx.Export("replicas", pulumi.Int(c.Replicas))
	ctx.Export("plan", pulumi.Map{
		"model":        pulumi.String(c.Model.ID),
		"topology":     pulumi.String(c.Topology.String()),
		"devices":      pulumi.Int(c.Plan.Devices),
		"tpSize":       pulumi.Int(c.Plan.Devices),
		"dpSize":       pulumi.Int(c.Plan.DP),
		"epSize":       pulumi.Int(c.Plan.EP),
		"gibPerDevice": pulumi.Float64(c.Plan.GiBPerDevice),
	})
}
