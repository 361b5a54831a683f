package settings

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
)

// GKE refuses the first node for which there is no place, after those that it has made.
func TestRangesThatAreTooSmallForAllNodesAreRejected(t *testing.T) {
	for name, test := range map[string]struct {
		settings []string
		says     []string // nothing: it has
	}{
		"64 groups in the default ranges":  {settings: []string{"replicas", "64"}},
		"100 groups of 8 hosts":            {settings: []string{"replicas", "100", "topology", "2x4x4"}},
		"a pod range that is just enough":  {settings: []string{"replicas", "3", "network", `{"pods":"10.4.0.0/21"}`}},
		"a pod range that lacks one":       {[]string{"replicas", "4", "network", `{"pods":"10.4.0.0/21"}`}, []string{`network.pods: "10.4.0.0/21" has room for 8 nodes`, "need 10 nodes: 4 groups x 2 hosts of 2x2x2, 1 of the system pool, and 1 for its upgrades", "use a /20 or larger"}},
		"a pod range for less than a node": {[]string{"network", `{"pods":"10.4.0.0/25"}`}, []string{"has room for 0 nodes", "use a /22 or larger"}},
		"the largest topology":             {[]string{"topology", "16x24x24"}, []string{`network.pods: "10.4.0.0/14" has room for 1024 nodes`, "1 groups x 2304 hosts of 16x24x24", "use a /12 or larger"}},
		"a primary range that is too small": {
			[]string{"replicas", "20", "network", `{"nodes":"10.0.0.0/27"}`},
			[]string{`network.nodes: "10.0.0.0/27" has 28 addresses for nodes`, "use a /26 or larger"},
		},
		"more than a cluster has": {
			[]string{"replicas", "7", "topology", "16x24x24", "network", `{"pods":"10.0.0.0/8","nodes":"172.20.0.0/16","services":"192.168.0.0/20"}`},
			[]string{`replicas: "7" needs 16130 nodes`, "at most 15000"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			values := configtest.Minimal(t)
			for i := 0; i < len(test.settings); i += 2 {
				values["sglang-tpu:"+test.settings[i]] = test.settings[i+1]
			}
			_, err := load(values)
			if len(test.says) == 0 {
				require.NoError(t, err)
				return
			}
			for _, part := range test.says {
				assert.ErrorContains(t, err, part)
			}
		})
	}
}
