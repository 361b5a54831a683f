package names

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStackNamesThatGoogleWouldRejectAreRejectedFirst(t *testing.T) {
	for stack, ok := range map[string]bool{
		"dev": true, "prod": true, "a": true, "team-a-prod1": true,
		"Dev": false, "1st": false, "dev-": false, "dev_1": false, "longer-than-12": false, "": false,
	} {
		n, err := ForStack(stack, "a-project-of-thirty-characters")
		if !ok {
			assert.ErrorContains(t, err, "use at most 12 lower-case letters", stack)
			continue
		}
		require.NoError(t, err)
		for _, account := range []string{n.Builder, n.Base + "-nodes"} {
			assert.LessOrEqual(t, len(account), 30, "a service account's id")
		}
		assert.LessOrEqual(t, len(n.Bucket), 63, "a bucket's name")
	}
}
