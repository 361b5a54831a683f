package gcpplugin

import (
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/core/injection"
)

// Faults of the create of a network, and how often the provider tries it.
func TestRequestsAreRetriedLikeInTheProvider(t *testing.T) {
	for name, test := range map[string]struct {
		effect injection.Effect
		text   string
		hits   int
		says   string // of the error
	}{
		"unavailable":            {injection.Refuse, "googleapi: Error 503: The service is currently unavailable., backendError", attempts, "Error 503"},
		"too many requests":      {injection.Refuse, "googleapi: Error 429: Quota exceeded, rateLimitExceeded", attempts, "Error 429"},
		"an operation under way": {injection.Refuse, "googleapi: Error 409: Another operation, operationInProgress", attempts, "Error 409"},
		"no permission":          {injection.Refuse, "googleapi: Error 403: Permission denied, forbidden", 1, "Error 403"},
		"no quota":               {injection.Refuse, "googleapi: Error 403: Quota 'NETWORKS' exceeded., quotaExceeded", 1, "Error 403"},
		// The second request finds the network that the first has created.
		"a lost answer": {injection.LoseOnce, "", 2, "already exists, alreadyExists"},
		"no connection": {injection.Lose, "", attempts, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			p, google := started(t)
			google.Injected = &injection.Set{}
			google.Injected.Replace([]injection.Fault{{
				Operation: injection.Create, Resource: networkType + " projects/p/global/networks/n", Effect: test.effect, Text: test.text,
			}})
			_, err := p.Create(background, &pulumirpc.CreateRequest{Urn: urn(networkType), Properties: properties(t, map[string]any{"project": "p", "name": "n"})})
			require.ErrorContains(t, err, test.says)
			assert.Equal(t, test.hits, google.Injected.Faults()[0].Hits)
		})
	}
}
