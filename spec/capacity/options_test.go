package capacity

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReplicasTakeTurnsWithTheZones(t *testing.T) {
	spread := Capacity{Mode: Spot, Zones: []string{"a", "b"}}
	var zones []string
	for replica := range 5 {
		zones = append(zones, spread.ZoneOf(replica))
	}
	assert.Equal(t, []string{"a", "b", "a", "b", "a"}, zones)
}

func TestAnIDIsOfModeZonesAndReservation(t *testing.T) {
	option := Capacity{Mode: Reservation, Reservation: "mine", Zones: []string{"a"}}
	assert.Len(t, option.ID(), 6)
	longer := option
	longer.MaxRunDuration = "72h"
	assert.Equal(t, option.ID(), longer.ID(), "which would be a second pool for the same chips")
	for name, other := range map[string]Capacity{
		"mode":        {Mode: OnDemand, Zones: []string{"a"}},
		"zone":        {Mode: Reservation, Reservation: "mine", Zones: []string{"b"}},
		"order":       {Mode: Spot, Zones: []string{"b", "a"}},
		"reservation": {Mode: Reservation, Reservation: "theirs", Zones: []string{"a"}},
	} {
		assert.NotEqual(t, option.ID(), other.ID(), name)
	}
	assert.NotEqual(t, Capacity{Mode: Spot, Zones: []string{"a", "b"}}.ID(), Capacity{Mode: Spot, Zones: []string{"b", "a"}}.ID())
}

func TestDescriptionsOfOptions(t *testing.T) {
	assert.Equal(t, "spot in us-central1-c", Capacity{Mode: Spot}.In("us-central1-c"))
	assert.Equal(t, "reservation mine in us-central1-c", Capacity{Mode: Reservation, Reservation: "mine"}.In("us-central1-c"))
}

func TestHasFindsAnyOfTheModes(t *testing.T) {
	one := Options{{Mode: Spot}}
	assert.False(t, one.Fallback())
	two := append(one, Capacity{Mode: OnDemand})
	assert.True(t, two.Fallback())
	assert.True(t, two.Has(Reservation, OnDemand))
	assert.False(t, two.Has(FlexStart))
}
