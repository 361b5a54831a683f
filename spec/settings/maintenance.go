package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sglang-tpu/spec/capacity"
)

// Maintenance is when GKE may upgrade the cluster by itself. Times are UTC.
type Maintenance struct {
	Window Window `json:"window"`
	// Exclusions are spans in which it may not. Nil: what the capacity mode needs; an empty
	// list: none.
	Exclusions []Exclusion `json:"exclusions"`
}

// Window is the time of each week in which GKE may upgrade.
type Window struct {
	Days  []string `json:"days"`  // English names; empty: every day
	Start string   `json:"start"` // HH:MM
	Hours int      `json:"hours"`
}

// Exclusion is one span without upgrades.
type Exclusion struct {
	Name  string `json:"name"`
	Start string `json:"start"` // a date, or a time as in RFC 3339; after Load always the latter
	End   string `json:"end"`
	Scope string `json:"scope"` // empty: NoNodeUpgrades
}

// NoNodeUpgrades leaves patches of the control plane and nothing else. It is the scope
// that keeps a slice.
const NoNodeUpgrades = "NO_MINOR_OR_NODE_UPGRADES"

var scopes = []string{NoNodeUpgrades, "NO_MINOR_UPGRADES", noUpgrades}

const noUpgrades = "NO_UPGRADES"

// GKE's limits (documentation, Maintenance windows and exclusions): at least 48 hours in
// 32 days, of which only pieces of four hours and more count; 20 exclusions, three of
// scope NO_UPGRADES, each of those for 90 days. One of another scope may last until the
// minor version's support ends, which only GKE knows.
const (
	leastHours        = 4
	minAvailableHours = 48
	wholeWeeks        = 4 // whole weeks in 32 days
	mostExclusions    = 20
	mostNoUpgrades    = 3
	longestNoUpgrades = 90 * 24 * time.Hour
)

// kept is when GKE leaves the nodes of a minor version alone if nobody says otherwise: to
// some weeks before the end of its support (GKE release schedule: 1.35 to 2027-04-11).
// This provider wants an end (exclusion_options has no end_time_behavior in 8.41.1), and
// a date that moved would be a change at every preview.
var kept = map[string]Exclusion{
	"1.35": {Name: "keep-slices", Start: "2026-11-01T00:00:00Z", End: "2027-03-01T00:00:00Z", Scope: NoNodeUpgrades},
}

const maintenanceKey = "sglang-tpu:maintenance"

func checkMaintenance(m Maintenance) error {
	errs := []error{checkWindow(m.Window)}
	if n := len(m.Exclusions); n > mostExclusions {
		errs = append(errs, invalid(maintenanceKey+".exclusions", strconv.Itoa(n), "is more than GKE keeps", fmt.Sprintf("use at most %d", mostExclusions)))
	}
	names, long := map[string]bool{}, 0
	for i, e := range m.Exclusions {
		key := fmt.Sprintf("%s.exclusions[%d]", maintenanceKey, i)
		errs = append(errs, checkExclusion(key, e))
		if names[e.Name] {
			errs = append(errs, invalid(key+".name", e.Name, "is another exclusion's name, too", "give each its own"))
		}
		names[e.Name] = true
		if e.Scope == noUpgrades {
			long++
		}
	}
	if long > mostNoUpgrades {
		errs = append(errs, invalid(maintenanceKey+".exclusions", strconv.Itoa(long), "is more of scope NO_UPGRADES than GKE keeps",
			fmt.Sprintf("use at most %d of them, or another scope", mostNoUpgrades)))
	}
	return errors.Join(errs...)
}

func checkWindow(w Window) error {
	const key = maintenanceKey + ".window"
	var errs []error
	if t, err := time.Parse("15:04", w.Start); err != nil || t.Format("15:04") != w.Start {
		errs = append(errs, invalid(key+".start", w.Start, "is not a time of the day in UTC", "use one such as 03:00"))
	}
	seen := map[string]bool{}
	for i, day := range w.Days {
		at := fmt.Sprintf("%s.days[%d]", key, i)
		if _, ok := weekday(day); !ok {
			errs = append(errs, invalid(at, day, "is not a day of the week", "use one such as Saturday"))
		} else if seen[strings.ToLower(day)] {
			errs = append(errs, invalid(at, day, "is there already", "remove it"))
		}
		seen[strings.ToLower(day)] = true
	}
	if err := inRange(key+".hours", w.Hours, leastHours, 24, "hours"); err != nil {
		return errors.Join(append(errs, err)...)
	}
	if days := len(w.Days); days > 0 && days*w.Hours*wholeWeeks < minAvailableHours {
		errs = append(errs, invalid(key+".hours", strconv.Itoa(w.Hours),
			fmt.Sprintf("with %d a week is too little: GKE wants at least %d hours in 32 days", days, minAvailableHours),
			fmt.Sprintf("use at least %d hours, or more days", (minAvailableHours+days*wholeWeeks-1)/(days*wholeWeeks))))
	}
	return errors.Join(errs...)
}

func checkExclusion(key string, e Exclusion) error {
	var errs []error
	if strings.TrimSpace(e.Name) == "" {
		errs = append(errs, invalid(key+".name", e.Name, "is empty", "give it a name, such as launch"))
	}
	if e.Scope != "" && !slices.Contains(scopes, e.Scope) {
		errs = append(errs, invalid(key+".scope", e.Scope, "is not a scope", "use "+list(scopes)))
	}
	const remedy = "use a date such as 2027-01-31, or a time such as 2027-01-31T22:00:00Z"
	start, early := instant(e.Start)
	end, late := instant(e.End)
	if early != nil {
		errs = append(errs, invalid(key+".start", e.Start, "is not a date", remedy))
	}
	if late != nil {
		errs = append(errs, invalid(key+".end", e.End, "is not a date", remedy))
	}
	switch {
	case early != nil || late != nil:
	case !end.After(start):
		errs = append(errs, invalid(key+".end", e.End, "is not after the start", "use a later date"))
	case e.Scope == noUpgrades && end.Sub(start) > longestNoUpgrades:
		errs = append(errs, invalid(key+".end", e.End, "is too late: GKE does without all upgrades for at most 90 days",
			"use "+start.Add(longestNoUpgrades).Format(time.DateOnly)+" or earlier, or scope "+NoNodeUpgrades))
	}
	return errors.Join(errs...)
}

// unquoted is what Pulumi makes of a date that stands in YAML without quotes.
const unquoted = "2006-01-02 15:04:05 -0700 MST"

// instant reads a date, which is its first moment, or a time.
func instant(text string) (time.Time, error) {
	for _, form := range []string{time.DateOnly, unquoted} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err
}

// weekday reads a day's English name.
func weekday(name string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), name) {
			return d, true
		}
	}
	return 0, false
}

// Weekdays are Days, in the order in which they were given. They have been checked.
func (w Window) Weekdays() []time.Weekday {
	var days []time.Weekday
	for _, name := range w.Days {
		if day, ok := weekday(name); ok {
			days = append(days, day)
		}
	}
	return days
}

// orDefaults fills in what was left out. A slice of reserved or on-demand chips is kept
// from upgrades as long as that can be said beforehand: an upgrade gives its chips back,
// and on-demand ones may not come again. Spot chips go at any time anyway, and GKE does
// not upgrade flex-start nodes that exist (documentation, Node pool upgrade strategies: short-lived upgrades).
func (m Maintenance) orDefaults(c Config) Maintenance {
	filled := make([]Exclusion, 0, len(m.Exclusions))
	for _, e := range m.Exclusions {
		start, _ := instant(e.Start) // both have been checked
		end, _ := instant(e.End)
		e.Start, e.End = start.Format(time.RFC3339), end.Format(time.RFC3339)
		if e.Scope == "" {
			e.Scope = NoNodeUpgrades
		}
		filled = append(filled, e)
	}
	if span, ok := kept[minor(c.GKE.MinVersion)]; ok && m.Exclusions == nil && c.Capacity.lastsUntilUpgrade() {
		filled = append(filled, span)
	}
	m.Exclusions = filled
	return m
}

// minor is a version's first two numbers.
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// lastsUntilUpgrade reports whether GKE's upgrades are what ends a slice of this mode.
func (c Capacity) lastsUntilUpgrade() bool {
	return c.Mode == capacity.Reservation || c.Mode == capacity.OnDemand
}

// warnBefore is how long before the end of an exclusion a preview speaks of it.
const warnBefore = 30 * 24 * time.Hour

// warnMaintenance says when nothing keeps a slice from upgrades, or soon nothing will.
// Whoever says that there are no exclusions knows. asked is what was configured.
func warnMaintenance(c Config, asked []Exclusion, now time.Time) []string {
	if !c.Capacity.lastsUntilUpgrade() || c.Replicas == 0 || asked != nil && len(asked) == 0 {
		return nil
	}
	until := now // the end of what covers now without a gap
	for range c.Maintenance.Exclusions {
		for _, e := range c.Maintenance.Exclusions {
			start, _ := instant(e.Start) // both have been checked
			end, _ := instant(e.End)
			if e.Scope != "NO_MINOR_UPGRADES" && !start.After(until) && end.After(until) {
				until = end
			}
		}
	}
	if until.Sub(now) > warnBefore {
		return nil
	}
	since := "no exclusion covers today, so"
	if until.After(now) {
		since = "the exclusions end on " + until.Format(time.DateOnly) + ", and then"
	}
	return []string{fmt.Sprintf("config %s: %s GKE may upgrade the nodes in its window, which ends each group for as long as its slice takes to come back; "+
		"set exclusions with scope %s, or to [] if that is wanted", maintenanceKey, since, NoNodeUpgrades)}
}
