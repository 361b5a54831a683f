package stacks

import (
	"fmt"
	"maps"
	"math"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/infra/serving"
	"sglang-tpu/spec/names"
	"sglang-tpu/spec/serverargs"
	"sglang-tpu/spec/settings"
)

// clusterOutputs are how a person reaches the cluster.
func (s *stack) clusterOutputs(p *platform) pulumi.Map {
	return pulumi.Map{
		"cluster":    p.gke.Name,
		"location":   pulumi.String(p.location),
		"kubeconfig": p.gke.Kubeconfig,
		"getCredentialsCommand": pulumi.Sprintf(
			"gcloud container clusters get-credentials %s --location %s --project %s --dns-endpoint",
			p.gke.Name, p.location, s.Project),
	}
}

// outputs are what a person uses next, ready to paste, and the plan, which a reviewer
// wants to see in the preview.
func (s *stack) outputs(p *platform, image string) pulumi.Map {
	c := s.Config
	out := s.clusterOutputs(p)
	out["getCredentialsCommand"] = pulumi.Sprintf("%s && kubectl config set-context --current --namespace %s", out["getCredentialsCommand"], s.spaces.Serving)
	maps.Copy(out, pulumi.Map{
		"namespace":          pulumi.String(s.spaces.Serving),
		"image":              pulumi.String(image),
		"leaderWorkerSet":    pulumi.String(c.LeaderWorkerSet),
		"service":            pulumi.String(names.ServiceName),
		"portForwardCommand": pulumi.String(fmt.Sprintf("kubectl port-forward svc/%s %d:%d", names.ServiceName, serverargs.Port, serverargs.Port)),
		"curlCommand": pulumi.String(fmt.Sprintf(
			`curl -X POST http://localhost:%d/generate -H "Content-Type: application/json"%s -d '{"text": "Hello, world!", "sampling_params": {"max_new_tokens": 10}}'`,
			serverargs.Port, authorization(c))),
		"allowClientsCommand": pulumi.String("kubectl label namespace NAMESPACE " + serving.ClientLabel + "=true"),
		"replicas":            pulumi.Int(c.Replicas),
		"plan": pulumi.Map{
			// A reader of the outputs sees the number of groups beside it.
			"per":          pulumi.String("group (one replica)"),
			"model":        pulumi.String(c.Model.ID),
			"topology":     pulumi.String(c.Topology.String()),
			"hosts":        pulumi.Int(c.Topology.Hosts()),
			"chips":        pulumi.Int(c.Topology.Chips()),
			"devices":      pulumi.Int(c.Plan.Devices),
			"tpSize":       pulumi.Int(c.Plan.TP),
			"dpSize":       pulumi.Int(c.Plan.DP),
			"epSize":       pulumi.Int(c.Plan.EP),
			"gibPerDevice": gib(c.Plan.GiBPerDevice),
			// What is fetched from the Hub; some repositories hold more than is loaded.
			"repositoryGiB": pulumi.Int(c.Model.RepositoryGiB),
			// What a device has left for the key-value cache; how many requests the server
			// admits at once, and how many of full length one group runs at once.
			"cacheGiBPerDevice": gib(c.Plan.CacheGiBPerDevice),
			"requestsCap":       pulumi.Int(c.Plan.RequestsCap),
			"requestsAtOnce":    pulumi.Int(c.Plan.Requests),
		},
	})
	if c.Plan.CacheKnown {
		plan := out["plan"].(pulumi.Map)
		plan["kvPoolTokens"] = pulumi.Int(c.Plan.CacheTokens)
		plan["kvPoolRequests"] = pulumi.Int(c.Plan.CacheRequests)
	}
	if c.APIKey != "" {
		out["apiKeySecret"] = pulumi.String(serving.APIKeySecret)
	}
	return out
}

// gib rounds to what a person compares.
func gib(value float64) pulumi.Float64 { return pulumi.Float64(math.Round(value*10) / 10) }

// authorization reads the API key where it is, so that no output holds it.
func authorization(c *settings.Config) string {
	if c.APIKey == "" {
		return ""
	}
	return fmt.Sprintf(` -H "Authorization: Bearer $(kubectl get secret %s -o jsonpath='{.data.%s}' | base64 -d)"`, serving.APIKeySecret, serving.APIKeyKey)
}
