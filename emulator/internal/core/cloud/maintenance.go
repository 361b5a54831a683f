package cloud

import (
	"fmt"
	"strings"
	"time"
)

// GKE's limits on maintenance (documentation, Maintenance windows and exclusions). Open: the
// exact error texts.
const (
	windowHours    = 4  // minimum length of a window that counts
	availableHours = 48 // minimum in 32 days
	maxExclusions  = 20 // google-beta provider: MaxItems
	maxNoUpgrades  = 3  // exclusions of scope NO_UPGRADES
	maxNoUpgrade   = 90 * 24 * time.Hour
)

func checkMaintenance(in Values) error {
	if in["maintenancePolicy"] == nil {
		return nil
	}
	daily, recurring := in.at("maintenancePolicy.dailyMaintenanceWindow"), in.at("maintenancePolicy.recurringWindow")
	if (daily == nil) == (recurring == nil) { // the provider's ExactlyOneOf
		return fmt.Errorf(`Invalid combination of arguments. "maintenance_policy.0.daily_maintenance_window": one of maintenance_policy.0.daily_maintenance_window,maintenance_policy.0.recurring_window must be specified.`)
	}
	if recurring != nil {
		start, end, err := span(in, "maintenancePolicy.recurringWindow.")
		hours := int(end.Sub(start).Hours())
		times, known := occurrences(in.text("maintenancePolicy.recurringWindow.recurrence"))
		switch {
		case err != nil || !known:
			return badRequest("Invalid maintenance window")
		case hours < windowHours || hours*times < availableHours:
			return badRequest("Maintenance windows must allow at least %d hours of maintenance availability in a 32-day rolling window, in pieces of at least %d hours", availableHours, windowHours)
		}
	}
	exclusions := in.objects("maintenancePolicy.maintenanceExclusions")
	if len(exclusions) > maxExclusions {
		return fmt.Errorf("Too many maintenance_exclusion blocks. No more than %d are allowed", maxExclusions)
	}
	withoutUpgrades := 0
	for _, e := range exclusions {
		name, scope := e.text("exclusionName"), e.text("exclusionOptions.scope")
		start, end, err := span(e, "")
		switch {
		case err != nil || !end.After(start):
			return badRequest("Invalid maintenance exclusion %q: its end must be after its start", name)
		case scope != "" && scope != noUpgrades && in.at("releaseChannel.channel") == "UNSPECIFIED":
			return badRequest("Maintenance exclusion %q: scope %s needs a release channel", name, scope)
		case scope == "" || scope == noUpgrades:
			withoutUpgrades++
			if end.Sub(start) > maxNoUpgrade {
				return badRequest("Maintenance exclusion %q: scope NO_UPGRADES is for at most 90 days", name)
			}
		}
	}
	if withoutUpgrades > maxNoUpgrades {
		return badRequest("There may be at most %d maintenance exclusions of scope NO_UPGRADES", maxNoUpgrades)
	}
	return nil
}

// span parses startTime and endTime of the object at a path prefix.
func span(in Values, at string) (start, end time.Time, err error) {
	if start, err = time.Parse(time.RFC3339, in.text(at+"startTime")); err != nil {
		return start, end, err
	}
	end, err = time.Parse(time.RFC3339, in.text(at+"endTime"))
	return start, end, err
}

// occurrences returns how often a window with an RFC 5545 recurrence opens at least in 32 days.
func occurrences(recurrence string) (times int, known bool) {
	if recurrence == "FREQ=DAILY" {
		return 32, true
	}
	days, weekly := strings.CutPrefix(recurrence, "FREQ=WEEKLY;BYDAY=")
	for _, day := range strings.Split(days, ",") {
		weekly = weekly && len(day) == 2 && strings.Contains("MO TU WE TH FR SA SU", day)
	}
	return 4 * len(strings.Split(days, ",")), weekly
}
