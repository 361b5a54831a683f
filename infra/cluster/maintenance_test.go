package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/spec/gke"
)

func TestMaintenanceIsConvertedToGKEsFields(t *testing.T) {
	for name, tc := range map[string]struct {
		maintenance gke.Maintenance
		want        map[string]any
	}{
		"every day, for as long as GKE takes": {
			gke.Maintenance{Window: gke.Window{Start: "03:00", Hours: 4}},
			map[string]any{"dailyMaintenanceWindow": map[string]any{"startTime": "03:00"}},
		},
		"every day, for longer": {
			gke.Maintenance{Window: gke.Window{Start: "22:30", Hours: 6}},
			map[string]any{"recurringWindow": map[string]any{
				"startTime": "2026-01-01T22:30:00Z", "endTime": "2026-01-02T04:30:00Z", "recurrence": "FREQ=DAILY",
			}},
		},
		"on some days, of which the first window is on one": {
			gke.Maintenance{Window: gke.Window{Start: "03:00", Hours: 6, Days: []string{"Sunday", "saturday"}}},
			map[string]any{"recurringWindow": map[string]any{
				"startTime": "2026-01-03T03:00:00Z", "endTime": "2026-01-03T09:00:00Z", "recurrence": "FREQ=WEEKLY;BYDAY=SU,SA",
			}},
		},
		"spans without upgrades": {
			gke.Maintenance{Window: gke.Window{Start: "03:00", Hours: 4}, Exclusions: []gke.Exclusion{
				{Name: "launch", Start: "2026-12-01", End: "2027-01-01T02:00:00+02:00", Scope: "NO_UPGRADES"},
			}},
			map[string]any{
				"dailyMaintenanceWindow": map[string]any{"startTime": "03:00"},
				"maintenanceExclusions": []any{map[string]any{
					"exclusionName": "launch", "startTime": "2026-12-01T00:00:00Z", "endTime": "2027-01-01T00:00:00Z",
					"exclusionOptions": map[string]any{"scope": "NO_UPGRADES"},
				}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			graph, _ := create(t, func(a *Args) { a.Maintenance = tc.maintenance })
			assert.Equal(t, tc.want, graph.Get(t, clusterType, "cluster").Value("maintenancePolicy"))
		})
	}
}
