package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"sglang-tpu/emulator/internal/core/cloud"
)

// down destroys a stack, and stops the emulator unless it is still needed. It fails if the
// emulated cloud contains resources that are in no other stack of this checkout.
func down(ctx context.Context, s *Sandbox, o options) error {
	used, err := s.used()
	if err != nil {
		return err
	}
	if !used {
		fmt.Fprintln(s.Out, "nothing is up")
		return s.Daemon().Stop()
	}
	if err := start(ctx, s, o); err != nil {
		return err
	}
	stack := s.Stack(o.Stack)
	if err := stack.Settle(ctx); err != nil {
		return err
	}
	if err := stack.Change(ctx, "destroy", "--yes", "--skip-preview"); err != nil {
		if ctx.Err() != nil {
			return errors.Join(err, s.Daemon().Stop())
		}
		if protected, stateErr := stack.protected(); stateErr == nil && protected {
			return fmt.Errorf("stack %[1]s is protected from deletion. To destroy it, set sglang-tpu:protect to false in Pulumi.%[1]s.yaml, run `make up STACK=%[1]s`, and then repeat this command", o.Stack)
		}
		return fmt.Errorf("pulumi destroy failed: %w", err)
	}
	others, err := s.stacks()
	if err != nil {
		return err
	}
	left, err := s.left(ctx, others)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("the stack was destroyed, but the emulated cloud still contains:\n  %s", strings.Join(left, "\n  "))
	}
	needed, by := others, "for"
	if len(others) == 0 {
		needed, by = s.ground(ctx), "for existing resources:"
	}
	if len(needed) > 0 {
		fmt.Fprintf(s.Out, "nothing of %s is left; the emulator keeps running %s %s\n", o.Stack, by, strings.Join(needed, ", "))
		return nil
	}
	if err := s.Daemon().Stop(); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "nothing is left in the emulated cloud, and the emulator is stopped")
	return nil
}

// protected reports whether Pulumi refuses to delete something of the stack.
func (s Stack) protected() (bool, error) {
	d, err := s.state()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(d.Resources, func(r apitype.ResourceV3) bool { return r.Protect }), nil
}

// used reports whether anything was ever deployed in this checkout.
func (s *Sandbox) used() (bool, error) {
	_, err := os.Stat(s.Layout.CloudFile())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// resources lists type and ID of the emulated cloud's resources, and which of them are ground.
func (d Daemon) resources(ctx context.Context) ([]cloud.Resource, error) {
	var all []cloud.Resource
	return all, d.get(ctx, "/cloud/resources", &all)
}

// left lists the resources of the cloud that are in none of the stacks.
func (s *Sandbox) left(ctx context.Context, stacks []string) ([]string, error) {
	known := map[string]bool{}
	for _, stack := range stacks {
		d, err := s.Stack(stack).state()
		if err != nil {
			return nil, err
		}
		for _, r := range d.Resources {
			known[string(r.ID)] = true
		}
	}
	all, err := s.Daemon().resources(ctx)
	if err != nil {
		return nil, err
	}
	var left []string
	for _, r := range all {
		if !known[r.ID] && !r.Ground {
			left = append(left, r.Type+" "+r.ID)
		}
	}
	return left, nil
}

func printResources(ctx context.Context, s *Sandbox, args []string) error {
	if len(args) == 1 && args[0] == "-v" {
		var all []cloud.Resource
		if err := s.Daemon().get(ctx, "/cloud/described", &all); err != nil {
			return err
		}
		slices.SortFunc(all, func(a, b cloud.Resource) int { return strings.Compare(a.Type+a.ID, b.Type+b.ID) })
		return s.printJSON(all)
	}
	all, err := s.Daemon().resources(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		fmt.Fprintln(s.Out, r.Type, r.ID)
	}
	return nil
}
