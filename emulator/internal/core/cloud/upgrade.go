package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scopes of maintenance exclusions; the default is noUpgrades (container API,
// MaintenanceExclusionOptions).
const (
	noUpgrades      = "NO_UPGRADES"
	noMinorUpgrades = "NO_MINOR_UPGRADES"         // patches of control plane and nodes continue
	noNodeUpgrades  = "NO_MINOR_OR_NODE_UPGRADES" // patches of the control plane continue
)

// Maintenance says which maintenance is due.
type Maintenance struct {
	After time.Time // the window opens then or later
	Minor bool      // a minor version is pending instead of a patch
}

// Maintain simulates the next maintenance window of each cluster. It upgrades the control plane and then one node
// pool after the other, unless an exclusion forbids it, and returns a line for each.
// https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions
func (c *Cloud) Maintain(ctx context.Context, m Maintenance) (lines []string, err error) {
	for _, r := range c.ofKind(clusterKind) {
		said, err := c.maintain(ctx, r, m.After, m.Minor)
		lines = append(lines, said...)
		if err != nil {
			return lines, err
		}
	}
	return lines, nil
}

// ofKind is usable for a caller that does not hold mu.
func (c *Cloud) ofKind(typ string) []*Resource {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usable(typ)
}

// usable returns the resources of a kind, sorted by ID, except those that are being created or
// are in state ERROR. The caller holds mu.
func (c *Cloud) usable(typ string) []*Resource {
	var all []*Resource
	for _, r := range c.resources {
		if r.Type == typ && !r.Creating && r.Broken == "" {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *Resource) int { return strings.Compare(a.ID, b.ID) })
	return all
}

func (c *Cloud) maintain(ctx context.Context, r *Resource, after time.Time, minor bool) (lines []string, err error) {
	defer c.exclusive(r)()
	c.mu.Lock()
	in, current := r.Inputs.clone(), r.Outputs.text("masterVersion")
	c.mu.Unlock()
	opens := nextWindow(in, after)
	say := func(format string, args ...any) {
		lines = append(lines, in.text("name")+": "+fmt.Sprintf(format, args...))
	}
	say("a maintenance window opens at %s", opens.Format(time.RFC3339))
	version := nextVersion(current, minor)
	if e := excluded(in, opens, noUpgrades, minor); e != "" {
		say("control plane stays at %s: %s", current, e)
		version = current
	} else {
		c.wait(ctx, 5)
		c.mu.Lock()
		r.Outputs["masterVersion"] = version
		err := c.save()
		c.mu.Unlock()
		if err != nil {
			return lines, err
		}
		say("control plane is upgraded from %s to %s", current, version)
	}
	for _, pool := range c.ofKind(nodePoolKind) {
		name := pool.Inputs.text("name")
		if pool.Inputs.text("cluster") != r.ID {
			continue
		}
		has := c.versionOf(pool)
		switch e := excluded(in, opens, noNodeUpgrades, minor); {
		case has == version:
			say("node pool %s has %s", name, has)
		case e != "":
			say("node pool %s stays at %s: %s", name, has, e)
		case pool.Inputs.at("management.autoUpgrade") == false:
			say("node pool %s stays at %s: it has no automatic upgrades", name, has)
		default:
			if err := c.upgradeNodes(ctx, pool, version); err != nil {
				return lines, err
			}
			say("node pool %s is upgraded from %s to %s", name, has, version)
		}
	}
	return lines, nil
}

// versionOf returns the version of a pool's nodes.
func (c *Cloud) versionOf(pool *Resource) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return pool.Outputs.text("version")
}

func (c *Cloud) upgradeNodes(ctx context.Context, pool *Resource, version string) error {
	c.mu.Lock()
	pool.Outputs["version"] = version
	c.mu.Unlock()
	o := &operation{ctx: ctx, cloud: c, resource: pool, before: pool.Inputs}
	if err := o.roll(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.save()
}

// excluded describes the exclusion that forbids an upgrade at a time; empty if none does. what
// is noNodeUpgrades for nodes and noUpgrades for a control plane.
func excluded(in Values, at time.Time, what string, minor bool) string {
	for _, e := range in.objects("maintenancePolicy.maintenanceExclusions") {
		start, end, err := span(e, "")
		if err != nil || at.Before(start) || !at.Before(end) {
			continue
		}
		forbids := false
		switch scope := e.text("exclusionOptions.scope"); scope {
		case "", noUpgrades:
			forbids = true
		case noNodeUpgrades:
			forbids = minor || what == noNodeUpgrades
		case noMinorUpgrades:
			forbids = minor
		}
		if forbids {
			return fmt.Sprintf("exclusion %s until %s", e.text("exclusionName"), end.Format(time.RFC3339))
		}
	}
	return ""
}

// nextWindow returns when the next maintenance window opens, at or after a time. Without a
// policy, maintenance is always possible.
func nextWindow(in Values, after time.Time) time.Time {
	after = after.UTC()
	begins, hour := after, in.text("maintenancePolicy.dailyMaintenanceWindow.startTime")
	var days []string
	if in.at("maintenancePolicy.recurringWindow") != nil {
		start, _, err := span(in, "maintenancePolicy.recurringWindow.")
		if err != nil {
			return after // checkMaintenance rejects it
		}
		if start.After(begins) {
			begins = start
		}
		hour = start.UTC().Format("15:04")
		if _, list, weekly := strings.Cut(in.text("maintenancePolicy.recurringWindow.recurrence"), "BYDAY="); weekly {
			days = strings.Split(list, ",")
		}
	}
	of, err := time.Parse("15:04", hour)
	if err != nil {
		return after
	}
	for day := begins; ; day = day.AddDate(0, 0, 1) {
		opens := time.Date(day.Year(), day.Month(), day.Day(), of.Hour(), of.Minute(), 0, 0, time.UTC)
		if !opens.Before(begins) && (len(days) == 0 || slices.Contains(days, strings.ToUpper(opens.Weekday().String()[:2]))) {
			return opens
		}
	}
}
