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
// emulated cloud contains resources that are in no stack of this checkout. For a stack that is
// not up it does not start the emulator.
func down(ctx context.Context, s *Sandbox, o options) error {
	stack := s.Stack(o.Stack)
	up, err := stack.deployed()
	if err != nil {
		return err
	}
	destroyed := "stack " + o.Stack + " is not up, so there is nothing to destroy"
	if up {
		if err := stack.destroy(ctx, o); err != nil {
			return err
		}
		destroyed = "stack " + o.Stack + " is destroyed"
	} else if _, _, err := stack.source(); err != nil {
		return err
	}
	others, err := s.stacks()
	if err != nil {
		return err
	}
	all, running, err := s.existing(ctx)
	if err != nil {
		return err
	}
	left, err := s.left(all, others)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("%s, but the emulated cloud still contains:\n  %s", destroyed, strings.Join(left, "\n  "))
	}
	needed, by := others, "for"
	if len(others) == 0 {
		needed, by = ground(all), "for existing resources:"
	}
	if running && len(needed) > 0 {
		fmt.Fprintf(s.Out, "%s; the emulator keeps running %s %s\n", destroyed, by, strings.Join(needed, ", "))
		return nil
	}
	if err := s.Daemon().Stop(); err != nil {
		return err
	}
	if !running {
		fmt.Fprintln(s.Out, destroyed)
		return nil
	}
	fmt.Fprintf(s.Out, "%s; nothing is left in the emulated cloud, and the emulator is stopped\n", destroyed)
	return nil
}

// deployed reports whether the stack has resources, or may have some because a change of it was
// killed.
func (s Stack) deployed() (bool, error) {
	if _, err := os.Stat(s.unfinished()); err == nil {
		return true, nil
	}
	d, err := s.state()
	if err != nil {
		return false, err
	}
	return len(d.Resources)+len(d.PendingOperations) > 0, nil
}

// destroy runs pulumi destroy.
func (s Stack) destroy(ctx context.Context, o options) error {
	if err := start(ctx, s.Sandbox, o); err != nil {
		return err
	}
	if err := s.Settle(ctx); err != nil {
		return err
	}
	err := s.Change(ctx, "destroy", "--yes", "--skip-preview")
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return errors.Join(err, s.Daemon().Stop())
	}
	if protected, stateErr := s.protected(); stateErr == nil && protected {
		return fmt.Errorf("stack %[1]s is protected from deletion. To destroy it, set sglang-tpu:protect to false in Pulumi.%[1]s.yaml, run `make up STACK=%[1]s`, and then repeat this command", s.Name)
	}
	return fmt.Errorf("pulumi destroy failed: %w", err)
}

// protected reports whether Pulumi refuses to delete something of the stack.
func (s Stack) protected() (bool, error) {
	d, err := s.state()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(d.Resources, func(r apitype.ResourceV3) bool { return r.Protect }), nil
}

// Resources lists type and ID of the emulated cloud's resources, and which of them are ground.
func (d Daemon) Resources(ctx context.Context) ([]cloud.Resource, error) {
	var all []cloud.Resource
	return all, d.Get(ctx, "/cloud/resources", &all)
}

// existing lists the resources of the emulated cloud, from its file if it is not running.
func (s *Sandbox) existing(ctx context.Context) (all []cloud.Resource, running bool, err error) {
	if s.Daemon().answers(ctx) {
		all, err = s.Daemon().Resources(ctx)
		return all, true, err
	}
	saved, err := cloud.Open(s.Layout.CloudFile(), 0)
	if err != nil {
		return nil, false, err
	}
	return saved.Resources(), false, nil
}

// left lists the resources that are in none of the stacks.
func (s *Sandbox) left(all []cloud.Resource, stacks []string) ([]string, error) {
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
	var left []string
	for _, r := range all {
		if !known[r.ID] && !r.Ground {
			left = append(left, r.Type+" "+r.ID)
		}
	}
	return left, nil
}

// ground lists the names of resources that existed before any stack.
func ground(all []cloud.Resource) []string {
	var ids []string
	for _, r := range all {
		if r.Ground {
			ids = append(ids, r.ID[strings.LastIndex(r.ID, "/")+1:])
		}
	}
	return ids
}

func printResources(ctx context.Context, s *Sandbox, args []string) error {
	if len(args) == 1 && args[0] == "-v" {
		var all []cloud.Resource
		if err := s.Daemon().Get(ctx, "/cloud/described", &all); err != nil {
			return err
		}
		slices.SortFunc(all, func(a, b cloud.Resource) int { return strings.Compare(a.Type+a.ID, b.Type+b.ID) })
		return s.printJSON(all)
	}
	all, err := s.Daemon().Resources(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		fmt.Fprintln(s.Out, r.Type, r.ID)
	}
	return nil
}
