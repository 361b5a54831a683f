package cloud

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// Scopes of maintenance exclusions; none is noUpgrades (container API, MaintenanceExclusionOptions).
const (
	noUpgrades      = "NO_UPGRADES"
	noMinorUpgrades = "NO_MINOR_UPGRADES"         // of control plane and nodes
	noNodeUpgrades  = "NO_MINOR_OR_NODE_UPGRADES" // patches of the control plane go on
)

// Maintain lets the clock pass the next maintenance window of each cluster that opens after a
// time, with an upgrade pending: a patch, or a minor version. It upgrades what no exclusion
// forbids at that time, the control plane first and then one node pool after the other, and
// returns a line for each.
// https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions
func (c *Cloud) Maintain(ctx context.Context, after time.Time, minor bool) (lines []string, err error) {
	for _, r := range c.ofKind(clusterKind) {
		said, err := c.maintain(ctx, r, after, minor)
		lines = append(lines, said...)
		if err != nil {
			return lines, err
		}
	}
	return lines, nil
}

// ofKind are the resources of a kind that are there, in the order of their names.
func (c *Cloud) ofKind(typ string) []*Resource {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Resource
	for _, r := range c.resources {
		if r.Type == typ && !r.Creating && r.Broken == "" {
			all = append(all, r)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	return all
}

func (c *Cloud) maintain(ctx context.Context, r *Resource, after time.Time, minor bool) (lines []string, err error) {
	unlock := c.exclusive(r)
	defer unlock()
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

// versionOf is the version of a pool's nodes.
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

// excluded is the exclusion that forbids an upgrade at a time: of nodes, or of a control
// plane, which only noUpgrades keeps from a patch. Empty: none does.
func excluded(in Values, at time.Time, what string, minor bool) string {
	for _, entry := range in.list("maintenancePolicy.maintenanceExclusions") {
		m, _ := entry.(map[string]any)
		e := Values(m)
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

// nextWindow is when a window opens, not before a time. Without a policy one is always open.
func nextWindow(in Values, after time.Time) time.Time {
	after = after.UTC()
	begins, hour := after, in.text("maintenancePolicy.dailyMaintenanceWindow.startTime")
	var days []string
	if in.at("maintenancePolicy.recurringWindow") != nil {
		start, _, err := span(in, "maintenancePolicy.recurringWindow.")
		if err != nil {
			return after // it was refused
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
