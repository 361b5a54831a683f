package stacks

import (
	"sglang-tpu/infra/hftoken"
	"sglang-tpu/infra/serving"
	"sglang-tpu/spec/settings"
)

// tokenSecret returns the token in Secret Manager, and lets a Kubernetes service account
// read it.
func (s *stack) tokenSecret(account string, p *platform) (*serving.TokenSecret, error) {
	reader, err := hftoken.New(s.ctx, "token", &hftoken.Args{
		Version: s.HFTokenSecret, WorkloadPool: p.gke.WorkloadPool, Namespace: s.spaces.Serving, Account: account,
	}, s.common)
	if err != nil {
		return nil, err
	}
	return &serving.TokenSecret{Version: s.HFTokenSecret, Dependencies: reader.Dependencies}, nil
}

// optionalAPIs returns the APIs that only this configuration needs.
func optionalAPIs(c *settings.Config) []string {
	var needed []string
	if c.Monitoring.Enabled {
		needed = append(needed, "monitoring.googleapis.com")
	}
	if c.HFTokenSecret != "" {
		needed = append(needed, "secretmanager.googleapis.com")
	}
	return needed
}
