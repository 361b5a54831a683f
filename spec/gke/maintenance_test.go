package gke

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheSpanOfAnExclusionIsInUTC(t *testing.T) {
	first := time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-12-01":                    first,
		"2026-12-01 00:00:00 +0000 UTC": first, // as Pulumi has a date without quotes
		"2026-12-01T02:00:00+02:00":     first,
		"next year":                     {},
	} {
		start, end := Exclusion{Start: text, End: "2027-01-31T22:00:00+02:00"}.Span()
		assert.Equal(t, want, start, text)
		assert.Equal(t, "2027-01-31T20:00:00Z", end.Format(time.RFC3339))
	}
}

func TestDaysAreReadInAnyCase(t *testing.T) {
	assert.Equal(t, []time.Weekday{time.Saturday, time.Sunday}, Window{Days: []string{"saturday", "Sunday", "Sonntag"}}.Weekdays())
}
