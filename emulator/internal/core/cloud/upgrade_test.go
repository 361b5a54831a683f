package cloud

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/topology"
)

// exclusion covers March 2027.
func exclusion(scope string) map[string]any {
	return object("exclusionName", "keep", "startTime", "2027-03-01T00:00:00Z", "endTime", "2027-04-01T00:00:00Z", "exclusionOptions", object("scope", scope))
}

func TestWhichPoolsAMaintenanceWindowUpgrades(t *testing.T) {
	const within, after = "2027-03-31", "2027-04-01"
	for name, test := range map[string]struct {
		scope   string // empty: no exclusion
		day     string
		minor   bool
		control bool // the control plane is upgraded
		nodes   bool
	}{
		"nothing forbids it":                          {"", within, false, true, true},
		"a minor version, and nothing forbids it":     {"", within, true, true, true},
		"nodes stay, the control plane gets a patch":  {noNodeUpgrades, within, false, true, false},
		"nodes stay, and so does the minor version":   {noNodeUpgrades, within, true, false, false},
		"only the minor version stays":                {noMinorUpgrades, within, true, false, false},
		"the minor version stays, and a patch comes":  {noMinorUpgrades, within, false, true, true},
		"everything stays":                            {noUpgrades, within, false, false, false},
		"the exclusion is over when the window opens": {noNodeUpgrades, after, false, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, fake := open(t, stateFile(t))
			withCluster(t, c)
			create(t, c, nodePoolKind, slice())
			policy := object("dailyMaintenanceWindow", object("startTime", "03:00"))
			if test.scope != "" {
				policy["maintenanceExclusions"] = []any{exclusion(test.scope)}
			}
			in := clusterValues()
			in["maintenancePolicy"], in["releaseChannel"] = policy, object("channel", "REGULAR")
			_, err := c.Update(context.Background(), clusterKind, clusterID, in)
			require.NoError(t, err)
			fake.steps = nil

			day, err := time.Parse(time.DateOnly, test.day)
			require.NoError(t, err)
			lines, err := c.Maintain(context.Background(), Maintenance{After: day, Minor: test.minor})
			require.NoError(t, err)
			t.Log(lines)
			assert.Contains(t, lines[0], test.day+"T03:00:00Z")
			cluster, err := c.Read(clusterKind, clusterID)
			require.NoError(t, err)
			assert.Equal(t, test.control, cluster.Outputs.text("masterVersion") != "1.35.2-gke.2037000", lines)
			if test.nodes {
				assert.Equal(t, []string{"0 kept of 2, 0 new", "0 kept of 0, 2 new"}, fake.steps, "the slice goes and comes as one")
				assert.Equal(t, []string{"2 of c"}, fake.drained)
				assert.Equal(t, cluster.Outputs.text("masterVersion"), fake.nodes["c/slice"][0].Version)
				lines, err := c.Maintain(context.Background(), Maintenance{After: day, Minor: test.minor})
				require.NoError(t, err)
				assert.Contains(t, lines[len(lines)-1], "node pool slice is upgraded", "there is always a later version")
			} else {
				assert.Empty(t, fake.steps)
				assert.Equal(t, "1.35.2-gke.2037000", fake.nodes["c/slice"][0].Version)
			}
		})
	}
}

func TestPoolsThatGKEDoesNotUpgrade(t *testing.T) {
	for name, pool := range map[string]Values{
		"without automatic upgrades": slice("management", object("autoUpgrade", false)),
		"flex-start": slice("nodeConfig.flexStart", true, "nodeConfig.spot", false, "nodeCount", nil,
			"nodeConfig.reservationAffinity", object("consumeReservationType", "NO_RESERVATION"), "autoscaling", object("maxNodeCount", 2.0)),
	} {
		t.Run(name, func(t *testing.T) {
			c, fake := open(t, stateFile(t))
			withCluster(t, c)
			create(t, c, nodePoolKind, pool)
			if pool["autoscaling"] != nil {
				grow(t, c, map[string]string{topology.AcceleratorLabel: topology.Accelerator})
			}
			fake.steps = nil
			_, err := c.Maintain(context.Background(), Maintenance{After: time.Now()})
			require.NoError(t, err)
			assert.Empty(t, fake.drained)
			for _, step := range fake.steps {
				assert.Equal(t, "2 kept of 2, 0 new", step)
			}
		})
	}
}

func TestNextMaintenanceWindow(t *testing.T) {
	recurring := func(recurrence string) map[string]any {
		return object("recurringWindow", object("startTime", "2026-01-03T22:30:00Z", "endTime", "2026-01-04T06:30:00Z", "recurrence", recurrence))
	}
	for name, test := range map[string]struct {
		policy      map[string]any
		after, want string
	}{
		"later on the same day":          {object("dailyMaintenanceWindow", object("startTime", "03:00")), "2027-02-28T02:00:00Z", "2027-02-28T03:00:00Z"},
		"on the next day":                {object("dailyMaintenanceWindow", object("startTime", "03:00")), "2027-02-28T03:01:00Z", "2027-03-01T03:00:00Z"},
		"on some days":                   {recurring("FREQ=WEEKLY;BYDAY=SA,SU"), "2027-03-01T00:00:00Z", "2027-03-06T22:30:00Z"},
		"every day, at a window's hours": {recurring("FREQ=DAILY"), "2027-03-01T00:00:00Z", "2027-03-01T22:30:00Z"},
		"not before its first":           {recurring("FREQ=DAILY"), "2025-03-01T00:00:00Z", "2026-01-03T22:30:00Z"},
		"always":                         {nil, "2027-03-01T01:02:03Z", "2027-03-01T01:02:03Z"},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := time.Parse(time.RFC3339, test.after)
			require.NoError(t, err)
			in := Values{}
			if test.policy != nil {
				in["maintenancePolicy"] = test.policy
			}
			assert.Equal(t, test.want, nextWindow(in, after).Format(time.RFC3339))
		})
	}
}

func TestNextVersions(t *testing.T) {
	assert.Equal(t, "1.35.3-gke.1000000", nextVersion("1.35.2-gke.2037000", false))
	assert.Equal(t, "1.36.1-gke.1000000", nextVersion("1.35.2-gke.2037000", true))
	assert.Equal(t, "odd", nextVersion("odd", true))
}
