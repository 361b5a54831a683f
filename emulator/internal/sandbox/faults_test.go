package sandbox

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/core/cloud"
)

func TestFaultsAsTheyAreTyped(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want cloud.Fault
		err  string
	}{
		"a download":       {[]string{"hub", "org/m"}, cloud.Fault{On: "hub", Match: "org/m", Text: hubText, Times: 1}, ""},
		"three, in words":  {[]string{"hub", "org/m", "no route", "3"}, cloud.Fault{On: "hub", Match: "org/m", Text: "no route", Times: 3}, ""},
		"a bucket":         {[]string{"bucket", "b"}, cloud.Fault{On: "bucket", Match: "b", Text: bucketText, Times: always}, ""},
		"a node pool":      {[]string{"create", "slice", "GCE_STOCKOUT"}, cloud.Fault{On: "create", Match: "slice", Text: "GCE_STOCKOUT", Times: 1}, ""},
		"without a text":   {[]string{"create", "slice"}, cloud.Fault{}, "usage"},
		"of another kind":  {[]string{"disk", "d"}, cloud.Fault{}, "usage"},
		"how many times":   {[]string{"hub", "org/m", "", "many"}, cloud.Fault{}, `"many" is not a number of times`},
		"of what":          {[]string{"hub"}, cloud.Fault{}, "usage"},
		"too many of them": {[]string{"hub", "a", "b", "1", "2"}, cloud.Fault{}, "usage"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseFault(tc.args)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}
