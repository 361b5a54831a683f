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

// Refused is the error if a configuration cannot work. It contains all problems, each with
// key, value, reason and remedy. No resource has been registered.
type Refused = problem.List

// configured returns the keys of the whole configuration. The SDK cannot list them, so this
// reads the same variable as the SDK.
func configured() []string {
	var values map[string]string
	// Without a Pulumi CLI, the variable does not exist, and there is nothing to list.
	_ = json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &values)
	return slices.Collect(maps.Keys(values))
}

// located adds the lines of the keys in the stack's configuration file to problems. If the
// file does not exist, or another one is used, it changes nothing.
func located(ctx *pulumi.Context, problems problem.List) problem.List {
	file := "Pulumi." + ctx.Stack() + ".yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		return problems
	}
	return settings.Locate(problems, file, text, ctx.GetConfig)
}

// logWarnings shows warnings, and notes about what pulumi up waits for.
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
