package cluster

import (
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Maintenance is when GKE may upgrade the cluster by itself. Times are UTC.
type Maintenance struct {
	Start      string         // HH:MM
	Hours      int            // that the window is open
	Days       []time.Weekday // on which it opens; empty: every day
	Exclusions []Exclusion
}

// Exclusion is a span without upgrades; times are RFC 3339.
type Exclusion struct{ Name, Start, End, Scope string }

// dailyHours is how long GKE keeps a window open that only has a start.
const dailyHours = 4

// anchor is the first day on which a window may open: a fixed one, because one that moved
// would be a change at every preview.
const anchor = "2026-01-01"

func (m Maintenance) policy() container.ClusterMaintenancePolicyArgs {
	policy := container.ClusterMaintenancePolicyArgs{}
	var spans container.ClusterMaintenancePolicyMaintenanceExclusionArray
	for _, e := range m.Exclusions {
		spans = append(spans, container.ClusterMaintenancePolicyMaintenanceExclusionArgs{
			ExclusionName: pulumi.String(e.Name), StartTime: pulumi.String(e.Start), EndTime: pulumi.String(e.End),
			ExclusionOptions: container.ClusterMaintenancePolicyMaintenanceExclusionExclusionOptionsArgs{Scope: pulumi.String(e.Scope)},
		})
	}
	if len(spans) > 0 {
		policy.MaintenanceExclusions = spans
	}
	if m.Hours == dailyHours && len(m.Days) == 0 {
		policy.DailyMaintenanceWindow = container.ClusterMaintenancePolicyDailyMaintenanceWindowArgs{StartTime: pulumi.String(m.Start)}
		return policy
	}
	start, _ := time.Parse(time.DateOnly+" 15:04", anchor+" "+m.Start) // the caller has checked it
	for len(m.Days) > 0 && !slices.Contains(m.Days, start.Weekday()) {
		start = start.AddDate(0, 0, 1)
	}
	policy.RecurringWindow = container.ClusterMaintenancePolicyRecurringWindowArgs{
		StartTime:  pulumi.String(start.Format(time.RFC3339)),
		EndTime:    pulumi.String(start.Add(time.Duration(m.Hours) * time.Hour).Format(time.RFC3339)),
		Recurrence: pulumi.String(recurrence(m.Days)),
	}
	return policy
}

// recurrence is in the words of RFC 5545.
func recurrence(days []time.Weekday) string {
	if len(days) == 0 {
		return "FREQ=DAILY"
	}
	var short []string
	for _, day := range days {
		short = append(short, strings.ToUpper(day.String()[:2]))
	}
	return "FREQ=WEEKLY;BYDAY=" + strings.Join(short, ",")
}
