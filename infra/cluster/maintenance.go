package cluster

import (
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"sglang-tpu/spec/gke"
)

// dailyHours is the duration of a window for which GKE has only a start.
const dailyHours = 4

// anchor is the first day on which a window may open. It is fixed, because a moving date
// would be a change in every preview.
const anchor = "2026-01-01"

// maintenancePolicy converts settings that have been checked.
func maintenancePolicy(m gke.Maintenance) container.ClusterMaintenancePolicyArgs {
	days := m.Window.Weekdays()
	policy := container.ClusterMaintenancePolicyArgs{}
	var spans container.ClusterMaintenancePolicyMaintenanceExclusionArray
	for _, e := range m.Exclusions {
		start, end := e.Span()
		spans = append(spans, container.ClusterMaintenancePolicyMaintenanceExclusionArgs{
			ExclusionName: pulumi.String(e.Name), StartTime: rfc3339(start), EndTime: rfc3339(end),
			ExclusionOptions: container.ClusterMaintenancePolicyMaintenanceExclusionExclusionOptionsArgs{Scope: pulumi.String(e.Scope)},
		})
	}
	if len(spans) > 0 {
		policy.MaintenanceExclusions = spans
	}
	if m.Window.Hours == dailyHours && len(days) == 0 {
		policy.DailyMaintenanceWindow = container.ClusterMaintenancePolicyDailyMaintenanceWindowArgs{StartTime: pulumi.String(m.Window.Start)}
		return policy
	}
	start, _ := time.Parse(time.DateOnly+" 15:04", anchor+" "+m.Window.Start)
	for len(days) > 0 && !slices.Contains(days, start.Weekday()) {
		start = start.AddDate(0, 0, 1)
	}
	policy.RecurringWindow = container.ClusterMaintenancePolicyRecurringWindowArgs{
		StartTime:  rfc3339(start),
		EndTime:    rfc3339(start.Add(time.Duration(m.Window.Hours) * time.Hour)),
		Recurrence: pulumi.String(recurrence(days)),
	}
	return policy
}

func rfc3339(t time.Time) pulumi.String { return pulumi.String(t.Format(time.RFC3339)) }

// recurrence returns a recurrence rule of RFC 5545.
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
