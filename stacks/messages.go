package stacks

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/capacity"
	"sglang-tpu/spec/gke"
	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/settings"
)

// configured are the keys of all configuration. The SDK looks values up and lists
// nothing, so this reads what the SDK reads.
func configured() []string {
	var values map[string]string
	// Without a Pulumi CLI there is no such variable, and nothing to list.
	_ = json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &values)
	var keys []string
	for key := range values {
		keys = append(keys, key)
	}
	return keys
}

// located adds to problems where their keys stand in the stack's configuration file. Without
// the file, or with another in use, they stay as they are.
func located(ctx *pulumi.Context, problems problem.List) problem.List {
	file := "Pulumi." + ctx.Stack() + ".yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		return problems
	}
	return settings.Locate(problems, file, text, ctx.GetConfig)
}

// logWarnings shows in the preview what will work and may surprise, and what up waits for.
func (s *stack) logWarnings() error {
	if err := s.warn(s.Warnings); err != nil {
		return err
	}
	if s.Capacity.Mode != capacity.FlexStart || s.Replicas == 0 || s.Layer == gke.Platform {
		return nil
	}
	return s.ctx.Log.Info(fmt.Sprintf("capacity flex-start: Google queues %d x %d chips of tpu7x; until they are there only the leaders exist, Pending, "+
		"and pulumi up waits for the LeaderWorkerSet for up to %s (%s). To see the queue: kubectl describe pods -n %s",
		s.Replicas, s.Topology.Chips(), s.Ready, s.Key("readyMinutes"), s.spaces.Serving), nil)
}

func (s *stack) warn(warnings problem.List) error {
	for _, warning := range located(s.ctx, warnings) {
		if err := s.ctx.Log.Warn(warning.Error(), nil); err != nil {
			return err
		}
	}
	return nil
}
