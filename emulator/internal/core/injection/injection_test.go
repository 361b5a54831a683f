package injection

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asked sends requests to a server whose only fault this is, and returns how each went: a status, or 0 for none.
func asked(t *testing.T, f Fault, times int, patience time.Duration) (statuses []int, worked int32) {
	t.Helper()
	var set Set
	set.Replace([]Fault{f})
	var done atomic.Int32
	work := func(w http.ResponseWriter) func(context.Context) func() {
		return func(context.Context) func() {
			done.Add(1)
			return func() { w.WriteHeader(http.StatusOK) }
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if met := set.Meet(f.Operation, "thing", nil); met != nil {
			met.Handle(w, r, func() { w.WriteHeader(http.StatusServiceUnavailable) }, work(w))
			return
		}
		work(w)(r.Context())()
	}))
	defer server.Close()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for range times {
		res, err := client.Get(server.URL)
		if err != nil {
			statuses = append(statuses, 0)
			continue
		}
		require.NoError(t, res.Body.Close())
		statuses = append(statuses, res.StatusCode)
	}
	if f.Effect == Hang {
		assert.Eventually(t, func() bool { return done.Load() > 0 }, 5*time.Second, 10*time.Millisecond, "the work goes on")
	}
	assert.Equal(t, times, set.Faults()[0].Hits)
	return statuses, done.Load()
}

func TestEachEffectWorksAsDocumented(t *testing.T) {
	for effect, want := range map[Effect]struct {
		statuses []int
		worked   int32
	}{
		Refuse:     {[]int{503, 503}, 0},
		Lose:       {[]int{0, 0}, 1},
		LoseOnce:   {[]int{0, 200}, 2},
		Hang:       {[]int{503, 503}, 1},
		HoldBefore: {[]int{0, 0}, 0},
		HoldAfter:  {[]int{0, 0}, 1},
	} {
		t.Run(string(effect), func(t *testing.T) {
			t.Parallel()
			statuses, worked := asked(t, Fault{Operation: Create, Resource: "thing", Effect: effect}, 2, 1500*time.Millisecond)
			assert.Equal(t, want.statuses, statuses)
			assert.Equal(t, want.worked, worked)
		})
	}
}

func TestOtherRequestsGoThrough(t *testing.T) {
	var set Set
	set.Replace([]Fault{{Operation: Create, Resource: "thing", Effect: Refuse}})
	assert.Nil(t, set.Meet(Create, "another", nil))
	assert.Nil(t, set.Meet(Delete, "thing", nil))
	assert.NotNil(t, set.Meet(Update, "thing", func(a, b Operation) bool { return a == Create && b == Update }))
	assert.Nil(t, (*Set)(nil).Meet(Create, "thing", nil))
}
