package topology

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEverythingFollowsFromTheTopology(t *testing.T) {
	for _, tc := range []struct {
		topology                          string
		chips, hosts, devices, chipsAHost int
		machine                           string
		multiHost                         bool
	}{
		{"1x1x1", 1, 1, 2, 1, "tpu7x-standard-1t", false},
		{"2x2x1", 4, 1, 8, 4, "tpu7x-standard-4t", false},
		{"2x2x2", 8, 2, 16, 4, "tpu7x-standard-4t", true},
		{"2x2x4", 16, 4, 32, 4, "tpu7x-standard-4t", true},
		{"2x4x4", 32, 8, 64, 4, "tpu7x-standard-4t", true},
		{"4x4x4", 64, 16, 128, 4, "tpu7x-standard-4t", true},
		{"4x4x8", 128, 32, 256, 4, "tpu7x-standard-4t", true},
		{"12x24x32", 9216, 2304, 18432, 4, "tpu7x-standard-4t", true},
	} {
		t.Run(tc.topology, func(t *testing.T) {
			got, err := Parse(tc.topology)
			require.NoError(t, err)
			assert.Equal(t, tc.topology, got.String())
			assert.Equal(t, tc.chips, got.Chips())
			assert.Equal(t, tc.hosts, got.Hosts())
			assert.Equal(t, tc.devices, got.Devices())
			assert.Equal(t, tc.chipsAHost, got.ChipsPerHost())
			assert.Equal(t, tc.machine, got.MachineType())
			assert.Equal(t, tc.multiHost, got.MultiHost())
		})
	}
}

func TestAWrongTopologyIsExplained(t *testing.T) {
	for value, want := range map[string]string{
		"2x2x3":       "is not a tpu7x topology; use 2x2x1, 2x2x2, 2x2x4, 2x4x4 or multiples of 4 in every dimension",
		"2x2":         "is not a tpu7x topology",
		"":            "is not a tpu7x topology",
		"axbxc":       "is not a tpu7x topology",
		"2x2x02":      "is not a tpu7x topology",
		" 2x2x2":      "is not a tpu7x topology",
		"-4x4x4":      "is not a tpu7x topology",
		"8x4x4":       "ascending order",
		"16x24x32":    "at most 9216",
		"2x2x2x2":     "is not a tpu7x topology",
		"4x4x9999999": "is not a tpu7x topology",
	} {
		_, err := Parse(value)
		assert.ErrorContains(t, err, want, value)
	}
}
