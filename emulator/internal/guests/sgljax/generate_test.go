package sgljax

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNothingIsCreatedForADisconnectedClient(t *testing.T) {
	s, url := newServer(t)
	const each, requests = 30000, 20
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	body := `{"text": [` + strings.Repeat(`"count",`, requests-1) + `"count"], "sampling_params": {"max_new_tokens": 30000}}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/generate", strings.NewReader(body))
	require.NoError(t, err)
	go func() {
		if response, err := http.DefaultClient.Do(request); err == nil { // canceled before a response
			_ = response.Body.Close()
		}
	}()
	require.Eventually(t, func() bool { return s.running.Load() == requests }, 10*time.Second, time.Millisecond)
	leave()
	assert.Eventually(t, func() bool { return s.running.Load() == 0 }, 10*time.Second, time.Millisecond)
	assert.Less(t, s.generated.Load(), int64(each*requests))
}
