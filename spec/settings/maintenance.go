package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sglang-tpu/spec/gke"
)

// GKE's limits (documentation, Maintenance windows and exclusions): at least 48 hours in
// 32 days, in pieces of at least four hours; 20 exclusions, three of scope NO_UPGRADES,
// each of those for 90 days. One of another scope may last until the minor version's
// support ends, which only GKE knows.
const (
	minAvailableHours = 48
	wholeWeeks        = 4 // whole weeks in 32 days
	mostExclusions    = 20
	mostNoUpgrades    = 3
	longestNoUpgrades = 90 * 24 * time.Hour
)

const maintenanceKey = "sglang-tpu:maintenance"

func (l *loader) checkMaintenance() {
	m := l.Maintenance
	l.checkWindow(m.Window)
	if n := len(m.Exclusions); n > mostExclusions {
		l.found.Add(maintenanceKey+".exclusions", strconv.Itoa(n), "is more exclusions than GKE allows", fmt.Sprintf("use at most %d", mostExclusions))
	}
	long := 0
	for i, e := range m.Exclusions {
		key := fmt.Sprintf("%s.exclusions[%d]", maintenanceKey, i)
		l.checkExclusion(key, e)
		if slices.ContainsFunc(m.Exclusions[:i], func(other gke.Exclusion) bool { return other.Name == e.Name }) {
			l.found.Add(key+".name", e.Name, "is the name of another exclusion", "give each its own name")
		}
		if e.Scope == gke.NoUpgrades {
			long++
		}
	}
	if long > mostNoUpgrades {
		l.found.Add(maintenanceKey+".exclusions", strconv.Itoa(long), "is more exclusions of scope NO_UPGRADES than GKE allows",
			fmt.Sprintf("use at most %d of them, or another scope", mostNoUpgrades))
	}
}

func (l *loader) checkWindow(w gke.Window) {
	const key = maintenanceKey + ".window"
	if t, err := time.Parse("15:04", w.Start); err != nil || t.Format("15:04") != w.Start {
		l.found.Add(key+".start", w.Start, "is not a time of the day in UTC", "use a time such as 03:00")
	}
	for i, day := range w.Days {
		at := fmt.Sprintf("%s.days[%d]", key, i)
		if _, ok := gke.Weekday(day); !ok {
			l.found.Add(at, day, "is not a day of the week", "use a day such as Saturday")
		} else if slices.ContainsFunc(w.Days[:i], func(other string) bool { return strings.EqualFold(other, day) }) {
			l.found.Add(at, day, "is in the list twice", "remove one of them")
		}
	}
	if days := len(w.Days); days > 0 && w.Hours > 0 && days*w.Hours*wholeWeeks < minAvailableHours {
		l.found.Add(key+".hours", strconv.Itoa(w.Hours),
			fmt.Sprintf("is too short for the days of the window: GKE requires at least %d hours in 32 days", minAvailableHours),
			fmt.Sprintf("use at least %d hours, or more days", (minAvailableHours+days*wholeWeeks-1)/(days*wholeWeeks)))
	}
}

func (l *loader) checkExclusion(key string, e gke.Exclusion) {
	if strings.TrimSpace(e.Name) == "" {
		l.found.Add(key+".name", e.Name, "is empty", "give it a name, such as launch")
	}
	const remedy = "use a date such as 2027-01-31, or a time such as 2027-01-31T22:00:00Z"
	start, early := gke.ParseTime(e.Start)
	end, late := gke.ParseTime(e.End)
	if early != nil {
		l.found.Add(key+".start", e.Start, "is not a date", remedy)
	}
	if late != nil {
		l.found.Add(key+".end", e.End, "is not a date", remedy)
	}
	switch {
	case early != nil || late != nil:
	case !end.After(start):
		l.found.Add(key+".end", e.End, "is not after the start", "use a later date")
	case e.Scope == gke.NoUpgrades && end.Sub(start) > longestNoUpgrades:
		l.found.Add(key+".end", e.End, "is too late: GKE allows NO_UPGRADES for at most 90 days",
			"use "+start.Add(longestNoUpgrades).Format(time.DateOnly)+" or earlier, or scope "+gke.NoNodeUpgrades)
	}
}

// minor returns a version's first two numbers.
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}
