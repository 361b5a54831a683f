package stacks

import (
	"encoding/json"
	"maps"
	"os"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/problem"
	"sglang-tpu/spec/settings"
)

// configured are the keys of all configuration. The SDK looks values up and lists
// nothing, so this reads what the SDK reads.
func configured() []string {
	var values map[string]string
	// Without a Pulumi CLI there is no such variable, and nothing to list.
	_ = json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &values)
	return slices.Collect(maps.Keys(values))
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
	for _, note := range s.capacityNotes() {
		if err := s.ctx.Log.Info(note, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *stack) warn(warnings problem.List) error {
	for _, warning := range located(s.ctx, warnings) {
		if err := s.ctx.Log.Warn(warning.Error(), nil); err != nil {
			return err
		}
	}
	return nil
}
