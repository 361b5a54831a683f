package settings

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/spec/gke"
)

func at(date string) func() time.Time {
	return func() time.Time {
		t, err := time.Parse(time.DateOnly, date)
		if err != nil {
			panic(err)
		}
		return t
	}
}

// on loads what was set, on a day.
func on(t *testing.T, date string, pairs ...string) *Config {
	t.Helper()
	values := undivided(t).With(pairs...)
	c, err := Load(Source{
		Get: func(key string) (string, bool) { v, ok := values[key]; return v, ok },
		Now: at(date),
	})
	require.NoError(t, err)
	return c
}

const (
	capacityKey = "sglang-tpu:capacity"
	onDemand    = `{"mode":"on-demand"}`
	reserved    = `{"mode":"reservation","reservation":"r"}`
)

func TestASliceIsExcludedFromUpgradesThatWouldEndIt(t *testing.T) {
	for _, mode := range []string{onDemand, reserved} {
		c := on(t, "2026-12-01", capacityKey, mode)
		assert.Equal(t, []gke.Exclusion{{Name: "keep-slices", Start: "2026-11-01T00:00:00Z", End: "2027-03-01T00:00:00Z", Scope: "NO_MINOR_OR_NODE_UPGRADES"}}, c.Maintenance.Exclusions)
		assert.Equal(t, gke.Window{Start: "03:00", Hours: 4}, c.Maintenance.Window)
		assert.Empty(t, c.Warnings)
		assert.Equal(t, c.Maintenance, on(t, "2029-01-01", capacityKey, mode).Maintenance, "the same on every day: no change at a preview")
	}
	for _, mode := range []string{`{"mode":"spot"}`, `{"mode":"flex-start"}`} {
		c := on(t, "2026-12-01", capacityKey, mode, "sglang-tpu:topology", "2x2x1")
		assert.Empty(t, c.Maintenance.Exclusions, mode)
		assert.Empty(t, c.Warnings, mode)
	}
}

func TestTheDefaultFitsGKEsLimits(t *testing.T) {
	require.Empty(t, problemsIn(defaults(), (*loader).checkMaintenance))
	for version, e := range keepSlices {
		s := defaults()
		s.Maintenance.Exclusions = []gke.Exclusion{e}
		require.Empty(t, problemsIn(s, (*loader).checkMaintenance), version)
		assert.Equal(t, version, minor(version))
	}
	_, ok := keepSlices[minor(defaults().GKE.MinVersion)]
	assert.True(t, ok, "another default version needs an end of its own")
}

func TestASliceWithoutAnExclusionIsAWarning(t *testing.T) {
	const key, nothing = "sglang-tpu:maintenance", "GKE may upgrade the nodes in the maintenance window, and each group is down"
	span := func(end, scope string) string {
		return `{"exclusions":[{"name":"a","start":"2026-11-01","end":"` + end + `","scope":"` + scope + `"}]}`
	}
	for name, tc := range map[string]struct {
		date  string
		pairs []string
		says  string // empty: nothing
	}{
		"the default's end has passed":     {"2027-03-02", nil, "no exclusion covers today, so " + nothing},
		"the default's end is near":        {"2027-02-10", nil, "the exclusions end on 2027-03-01, and then " + nothing},
		"a version whose end is unknown":   {"2026-12-01", []string{"sglang-tpu:gke", `{"minVersion":"1.36"}`}, "no exclusion covers today"},
		"only minor versions are held":     {"2026-12-01", []string{key, span("2027-01-01", "NO_MINOR_UPGRADES")}, "no exclusion covers today"},
		"one of the user's own":            {"2026-11-15", []string{key, span("2027-01-01", "")}, ""},
		"one of the user's own, at an end": {"2027-01-02", []string{key, span("2027-01-01", "")}, "no exclusion covers today"},
		"one that begins later":            {"2026-10-01", []string{key, span("2027-01-01", "")}, "no exclusion covers today"},
		"none is wanted":                   {"2026-12-01", []string{key, `{"exclusions":[]}`}, ""},
		"there is no slice":                {"2027-03-02", []string{"sglang-tpu:replicas", "0"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := on(t, tc.date, append([]string{capacityKey, onDemand}, tc.pairs...)...)
			if tc.says == "" {
				assert.Empty(t, c.Warnings)
				return
			}
			require.Len(t, c.Warnings, 1)
			assert.Contains(t, c.Warnings[0].Error(), "config sglang-tpu:maintenance: "+tc.says)
		})
	}
}

func TestMaintenanceTimesHaveOneFormat(t *testing.T) {
	c := on(t, "2026-12-01", "sglang-tpu:maintenance", `{"window":{"days":["saturday","Sunday"],"hours":6},
		"exclusions":[{"name":"launch","start":"2026-12-01","end":"2027-01-31T22:00:00+02:00","scope":"NO_UPGRADES"},{"name":"b","start":"2026-12-01 00:00:00 +0000 UTC","end":"2027-06-01"}]}`)
	assert.Equal(t, "03:00", c.Maintenance.Window.Start)
	assert.Equal(t, []time.Weekday{time.Saturday, time.Sunday}, c.Maintenance.Window.Weekdays())
	assert.Equal(t, []gke.Exclusion{
		{Name: "launch", Start: "2026-12-01", End: "2027-01-31T22:00:00+02:00", Scope: "NO_UPGRADES"},
		{Name: "b", Start: "2026-12-01 00:00:00 +0000 UTC", End: "2027-06-01", Scope: "NO_MINOR_OR_NODE_UPGRADES"},
	}, c.Maintenance.Exclusions)
}

func TestMaintenanceThatGKEWouldRejectIsRejectedFirst(t *testing.T) {
	exclusion := func(fields string) string { return `{"exclusions":[{` + fields + `}]}` }
	many := strings.TrimSuffix(strings.Repeat(`{"name":"a","start":"2026-12-01","end":"2026-12-02","scope":"NO_UPGRADES"},`, 21), ",")
	for value, says := range map[string][]string{
		`{"window":{"start":"3 am"}}`:                                                         {`maintenance.window.start: "3 am" is not a time of the day in UTC; use a time such as 03:00`},
		`{"window":{"start":"3:00"}}`:                                                         {`"3:00" is not a time of the day`},
		`{"window":{"hours":3}}`:                                                              {`maintenance.window.hours: "3" is out of range; use 4 to 24 hours`},
		`{"window":{"days":["Sonntag"]}}`:                                                     {`maintenance.window.days[0]: "Sonntag" is not a day of the week; use a day such as Saturday`},
		`{"window":{"days":["Sunday","sunday"],"hours":8}}`:                                   {`maintenance.window.days[1]: "sunday" is in the list twice`},
		`{"window":{"days":["Sunday"]}}`:                                                      {`maintenance.window.hours: "4" is too short for the days of the window: GKE requires at least 48 hours in 32 days; use at least 12 hours, or more days`},
		`{"windows":{}}`:                                                                      {`maintenance.windows: is not a setting (did you mean window?); use window, exclusions`},
		exclusion(`"name":" ","start":"2026-12-01","end":"2026-12-02"`):                       {`maintenance.exclusions[0].name: " " is empty`},
		exclusion(`"name":"a","start":"soon","end":"later"`):                                  {`exclusions[0].start: "soon" is not a date; use a date such as 2027-01-31`, `exclusions[0].end: "later" is not a date`},
		exclusion(`"name":"a","start":"2026-12-02","end":"2026-12-01"`):                       {`exclusions[0].end: "2026-12-01" is not after the start`},
		exclusion(`"name":"a","start":"2026-12-02","end":"2026-12-03","scope":"NONE"`):        {`exclusions[0].scope: "NONE" is not a scope; use NO_MINOR_OR_NODE_UPGRADES, NO_MINOR_UPGRADES or NO_UPGRADES`},
		exclusion(`"name":"a","start":"2026-12-01","end":"2027-03-02","scope":"NO_UPGRADES"`): {`"2027-03-02" is too late: GKE allows NO_UPGRADES for at most 90 days; use 2027-03-01 or earlier, or scope NO_MINOR_OR_NODE_UPGRADES`},
		`{"exclusions":[` + many + `]}`: {
			`maintenance.exclusions: "21" is more exclusions than GKE allows; use at most 20`, `"21" is more exclusions of scope NO_UPGRADES than GKE allows; use at most 3`,
			`exclusions[20].name: "a" is the name of another exclusion; give each its own name`,
		},
	} {
		t.Run(value[:min(60, len(value))], func(t *testing.T) {
			_, err := load(configtest.Minimal(t).With("sglang-tpu:maintenance", value))
			require.Error(t, err)
			for _, want := range says {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

// defaults are those of the types.
func defaults() (s Settings) {
	setDefaults(reflect.ValueOf(&s).Elem())
	return s
}
