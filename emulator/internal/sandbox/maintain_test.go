package sandbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/core/cloud"
)

func TestMaintenanceAsItIsTyped(t *testing.T) {
	now := time.Date(2027, 2, 28, 12, 0, 0, 0, time.UTC)
	day := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		args []string
		want cloud.Maintenance
		err  string
	}{
		"the next window":                {nil, cloud.Maintenance{After: now}, ""},
		"from a day on":                  {[]string{"2027-03-01"}, cloud.Maintenance{After: day}, ""},
		"a minor version":                {[]string{"minor"}, cloud.Maintenance{After: now, Minor: true}, ""},
		"a minor version, from a day on": {[]string{"2027-03-01", "minor"}, cloud.Maintenance{After: day, Minor: true}, ""},
		"what is no date":                {[]string{"tomorrow"}, cloud.Maintenance{}, `"tomorrow" is not a date such as 2027-02-28`},
		"too much":                       {[]string{"2027-03-01", "2027-03-02"}, cloud.Maintenance{}, "usage"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseMaintain(test.args, now)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestPreemptionAsItIsTyped(t *testing.T) {
	got, err := parsePreempt([]string{"slice-0"})
	require.NoError(t, err)
	assert.Equal(t, cloud.Preemption{Slice: "slice-0", Minutes: 10}, got)
	got, err = parsePreempt([]string{"slice-0", "0.5"})
	require.NoError(t, err)
	assert.Equal(t, cloud.Preemption{Slice: "slice-0", Minutes: 0.5}, got)
	_, err = parsePreempt([]string{"slice-0", "soon"})
	require.ErrorContains(t, err, `"soon" is not a number of minutes`)
	for _, args := range [][]string{nil, {"slice-0", "1", "2"}} {
		_, err = parsePreempt(args)
		require.ErrorIs(t, err, errUsage)
	}
}
