package gke

import (
	"strings"
	"time"
)

// Maintenance is when GKE may upgrade the cluster by itself. Times are UTC.
type Maintenance struct {
	// When GKE may upgrade the cluster.
	Window Window `json:"window"`
	// When GKE may not upgrade the cluster. If the list is left out and gke.minVersion is 1.35, slices of capacity modes
	// reservation and on-demand are not upgraded until 2027-03-01. [] means no exclusion.
	Exclusions []Exclusion `json:"exclusions"`
}

// Window is the time of each week in which GKE may upgrade.
type Window struct {
	// English names of the days on which the window opens. Empty means every day.
	Days []string `json:"days"`
	// Time at which it opens, HH:MM in UTC.
	Start string `json:"start" jsonschema:"default=03:00"`
	// Number of hours that it stays open.
	Hours int `json:"hours" unit:"hours" jsonschema:"default=4,minimum=4,maximum=24"`
}

// The scopes of an exclusion, from the smallest to the largest.
const (
	NoMinorUpgrades = "NO_MINOR_UPGRADES"
	NoNodeUpgrades  = "NO_MINOR_OR_NODE_UPGRADES" // allows patches of the control plane; slices keep running
	NoUpgrades      = "NO_UPGRADES"
)

// Exclusion is a period without upgrades.
type Exclusion struct {
	// Name of the exclusion, unique in the list.
	Name string `json:"name"`
	// Start: a date or an RFC 3339 time. A date means 00:00 UTC.
	Start string `json:"start"`
	// End: a date or an RFC 3339 time. A date means 00:00 UTC.
	End string `json:"end"`
	// What is excluded.
	Scope string `json:"scope" noun:"a scope" jsonschema:"default=NO_MINOR_OR_NODE_UPGRADES,enum=NO_MINOR_OR_NODE_UPGRADES,enum=NO_MINOR_UPGRADES,enum=NO_UPGRADES"`
}

// unquoted is the format in which Pulumi passes a date without quotes in YAML.
const unquoted = "2006-01-02 15:04:05 -0700 MST"

// ParseTime parses a date, which means its first moment, or an RFC 3339 time.
func ParseTime(text string) (time.Time, error) {
	for _, form := range []string{time.DateOnly, unquoted} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err
}

// Span returns the exclusion's first and last moment. It returns the zero time for an
// invalid one, which the checks of the settings reject.
func (e Exclusion) Span() (start, end time.Time) {
	start, _ = ParseTime(e.Start)
	end, _ = ParseTime(e.End)
	return start, end
}

// Weekday parses a day's English name, in upper or lower case.
func Weekday(name string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), name) {
			return d, true
		}
	}
	return 0, false
}

// Weekdays returns Days in their order, without invalid names.
func (w Window) Weekdays() []time.Weekday {
	var days []time.Weekday
	for _, name := range w.Days {
		if day, ok := Weekday(name); ok {
			days = append(days, day)
		}
	}
	return days
}
