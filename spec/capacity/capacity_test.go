package capacity

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestOnlySpotHostsAreReclaimedWithShortNotice(t *testing.T) {
	assert.Equal(t, 15*time.Second, Options{{Mode: Spot}}.Notice())
	assert.Equal(t, 15*time.Second, Options{{Mode: OnDemand}, {Mode: Spot}}.Notice(), "a slice may come from there")
	for _, mode := range []string{OnDemand, Reservation, FlexStart} {
		assert.Zero(t, Options{{Mode: mode}}.Notice(), mode)
	}
}

func TestTheLongestRunIsInSeconds(t *testing.T) {
	assert.Equal(t, "259200s", Capacity{MaxRunDuration: "72h"}.MaxRunSeconds())
	assert.Empty(t, Capacity{}.MaxRunSeconds())
}
