package cloud

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestASpotSliceIsPreemptedWithAllItsHosts(t *testing.T) {
	c, fake := open(t, stateFile(t))
	withCluster(t, c)
	create(t, c, nodePoolKind, slice())
	before := fake.nodes["c/slice"]
	require.NoError(t, c.Preempt(context.Background(), Preemption{Slice: "slice", Minutes: 1}))
	assert.Equal(t, []string{"2 of c, 15s"}, fake.shutDown)
	assert.Equal(t, before, fake.nodes["c/slice"], "they come back under their names")
}

func TestOnlySpotSlicesArePreempted(t *testing.T) {
	for name, test := range map[string]struct {
		pool Values
		ask  string
		want string
	}{
		"not spot":      {slice("nodeConfig.spot", false), "slice", "slice does not use spot capacity"},
		"no such slice": {slice(), "other", `"other" matches 0 slices, not one; the slices are: slice`},
		"another pool":  {slice("name", "system", "nodeConfig", object("machineType", "e2-standard-8", "spot", true), "placementPolicy", nil), "system", `"system" matches 0 slices`},
	} {
		t.Run(name, func(t *testing.T) {
			c, fake := open(t, stateFile(t))
			withCluster(t, c)
			create(t, c, nodePoolKind, test.pool)
			require.ErrorContains(t, c.Preempt(context.Background(), Preemption{Slice: test.ask}), test.want)
			assert.Empty(t, fake.shutDown)
		})
	}
}
