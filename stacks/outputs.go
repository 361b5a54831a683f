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

// clusterOutputs exports how to reach the cluster.
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

// outputs exports the next commands, ready to paste, and the plan, so that reviewers see it
// in the preview.
func (s *stack) outputs(p *platform, image string) pulumi.Map {
	c := s.Config
	plan := pulumi.Map{
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
		// The size of the download; some repositories contain more than the server
		// loads.
		"repositoryGiB": pulumi.Int(c.Model.RepositoryGiB),
		// The HBM of a device that is left for the key-value cache; the number of
		// requests that the server admits at once, and of full length that one group
		// runs at once.
		"cacheGiBPerDevice": gib(c.Plan.CacheGiBPerDevice),
		"requestsCap":       pulumi.Int(c.Plan.RequestsCap),
		"requestsAtOnce":    pulumi.Int(c.Plan.Requests),
	}
	if c.Plan.CacheKnown {
		plan["kvPoolTokens"] = pulumi.Int(c.Plan.CacheTokens)
		plan["kvPoolRequests"] = pulumi.Int(c.Plan.CacheRequests)
	}
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
		"plan":                plan,
	})
	if c.APIKey != "" {
		out["apiKeySecret"] = pulumi.String(serving.APIKeySecret)
	}
	return out
}

// gib rounds for people.
func gib(value float64) pulumi.Float64 { return pulumi.Float64(math.Round(value*10) / 10) }

// authorization returns an option of curl that reads the API key from its Secret, so that
// no output contains the key.
func authorization(c *settings.Config) string {
	if c.APIKey == "" {
		return ""
	}
	return fmt.Sprintf(` -H "Authorization: Bearer $(kubectl get secret %s -o jsonpath='{.data.%s}' | base64 -d)"`, serving.APIKeySecret, serving.APIKeyKey)
}
