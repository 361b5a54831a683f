package sandbox

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"sglang-tpu/emulator/internal/core/cloud"
)

// repair makes a node's host fail and waits until the node is repaired.
func repair(ctx context.Context, s *Sandbox, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	return s.Daemon().Post(ctx, "/cloud/repair", args[0], nil)
}

// preempt preempts a slice and waits until its nodes are recreated.
func preempt(ctx context.Context, s *Sandbox, args []string) error {
	p, err := parsePreempt(args)
	if err != nil {
		return err
	}
	return s.Daemon().Post(ctx, "/cloud/preempt", p, nil)
}

func parsePreempt(args []string) (cloud.Preemption, error) {
	if len(args) < 1 || len(args) > 2 {
		return cloud.Preemption{}, errUsage
	}
	p := cloud.Preemption{Slice: args[0], Minutes: 10}
	if len(args) == 2 {
		minutes, err := strconv.ParseFloat(args[1], 64)
		if err != nil || minutes < 0 {
			return p, fmt.Errorf("%q is not a number of minutes", args[1])
		}
		p.Minutes = minutes
	}
	return p, nil
}

// maintain simulates a maintenance window and prints what GKE upgraded.
func maintain(ctx context.Context, s *Sandbox, args []string) error {
	u, err := parseMaintain(args, time.Now())
	if err != nil {
		return err
	}
	var lines []string
	if err := s.Daemon().Post(ctx, "/cloud/maintain", u, &lines); err != nil {
		return err
	}
	for _, line := range lines {
		fmt.Fprintln(s.Out, line)
	}
	return nil
}

func parseMaintain(args []string, now time.Time) (cloud.Maintenance, error) {
	u := cloud.Maintenance{After: now}
	if len(args) > 0 && args[len(args)-1] == "minor" {
		u.Minor, args = true, args[:len(args)-1]
	}
	switch len(args) {
	case 0:
		return u, nil
	case 1:
		day, err := time.Parse(time.DateOnly, args[0])
		if err != nil {
			return u, fmt.Errorf("%q is not a date such as %s", args[0], now.Format(time.DateOnly))
		}
		u.After = day
		return u, nil
	}
	return u, errUsage
}
