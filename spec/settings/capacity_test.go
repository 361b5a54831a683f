package settings

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/spec/capacity"
)

func TestOptionsAreInTheOrderInWhichTheyAreTried(t *testing.T) {
	c, err := load(configtest.Minimal(t).With("sglang-tpu:capacity", `{"mode":"reservation","reservation":"r"}`,
		"sglang-tpu:capacityFallbacks", `[{"zones":["us-central1-ai1a"]},{"mode":"flex-start","maxRunDuration":72}]`))
	require.Error(t, err, "72 is not a duration")
	assert.Nil(t, c)

	c, err = load(configtest.Minimal(t).With("sglang-tpu:capacity", `{"mode":"reservation","reservation":"r"}`,
		"sglang-tpu:capacityFallbacks", `[{"zones":["us-central1-ai1a"]},{"mode":"flex-start","maxRunDuration":"72h"}]`))
	require.NoError(t, err)
	assert.Equal(t, capacity.Options{
		{Mode: capacity.Reservation, Reservation: "r", Zones: []string{"us-central1-c"}},
		{Mode: capacity.Spot, Zones: []string{"us-central1-ai1a"}},
		{Mode: capacity.FlexStart, MaxRunDuration: "72h", Zones: []string{"us-central1-c"}},
	}, c.Options())
	assert.Equal(t, 24*time.Hour, c.Ready, "the last option waits in Google's queue")
	assert.NotEmpty(t, c.Maintenance.Exclusions, "an upgrade would end a slice of the reservation")
}

func TestExistingNodePoolsCannotHaveFallbacks(t *testing.T) {
	theirs := configtest.Minimal(t).With("sglang-tpu:cluster", `{"existing":{"name":"theirs","location":"us-central1","nodePools":["slice-of-theirs"]}}`)
	_, err := load(theirs)
	require.NoError(t, err, "the zone of the default option is nobody's setting")
	_, err = load(theirs.With("sglang-tpu:capacityFallbacks", `[{"mode":"on-demand"}]`))
	assert.ErrorContains(t, err, "config sglang-tpu:capacityFallbacks: is set, and so is sglang-tpu:cluster.existing.nodePools")
	_, err = load(configtest.Minimal(t).With("sglang-tpu:adopt", `{"slice-0":"projects/my-project/locations/us-central1/clusters/c/nodePools/n"}`,
		"sglang-tpu:capacityFallbacks", `[{"mode":"on-demand"}]`))
	assert.ErrorContains(t, err, "config sglang-tpu:capacityFallbacks: is set, and so is sglang-tpu:adopt.slice-0: an adopted node pool is not changed")
}
