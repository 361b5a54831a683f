package sandbox

import (
	"context"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/tools"
)

// changeGround creates or removes resources that exist before any stack.
func changeGround(ctx context.Context, s *Sandbox, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	if args[0] == "remove" {
		return s.Daemon().Post(ctx, "/cloud/ground/remove", struct{}{}, nil)
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var all []cloud.Request
	if err := yaml.UnmarshalStrict(text, &all); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if err := s.Tools(ctx, tools.Runtime); err != nil {
		return err
	}
	if err := s.Daemon().Start(ctx, s.Out); err != nil {
		return err
	}
	return s.Daemon().Post(ctx, "/cloud/ground", all, nil)
}
