package names

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNamesOfALeaderWorkerSet(t *testing.T) {
	for _, tc := range []struct {
		name     string
		replicas int
		says     string // empty: fine
	}{
		{"sglang-tpu-cluster", 1, ""},
		{strings.Repeat("a", 50), 10, ""},
		{strings.Repeat("a", 50), 0, ""},
		{strings.Repeat("a", 50), 11, "use at most 49"},
		{strings.Repeat("a", 51), 1, "has 51 characters"},
		{"Team_A", 1, "lower-case letters"},
		{"1st", 1, "beginning with a letter"},
		{"a-", 1, "lower-case letters"},
		{ServiceName, 1, "the name of the leaders' Service"},
	} {
		err := CheckSet(tc.name, tc.replicas)
		if tc.says == "" {
			assert.NoError(t, err, tc.name)
			continue
		}
		assert.ErrorContains(t, err, tc.says, tc.name)
	}
}
