package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notice is what pods on a spot host have before it is taken back.
const notice = 15 * time.Second

// preempted takes a spot slice back below clients that send requests.
func (w *world) preempted(t *testing.T) {
	before := w.podUIDs(t)
	l := w.startClients(t, "dev", 4)
	fits, longer := l.lasting(t, notice/3), l.lasting(t, 4*notice)
	var within, beyond request
	l.all.Go(func() { within = l.send(fits, 1000) })
	l.all.Go(func() { beyond = l.send(longer, 1000) })
	time.Sleep(500 * time.Millisecond) // until they are there
	told := time.Now()
	c := w.during(t, "a spot slice is taken back", func() {
		w.shell(t, "", "bin/emulator preempt slice-0")
		w.groupIsNew(t, before)
	})
	again := time.Now()
	time.Sleep(2 * time.Second)
	all := l.finish()
	account(t, "a spot slice is taken back", all)

	assert.Zero(t, c.Hub.Bytes, "the weights are in the bucket")
	assert.GreaterOrEqual(t, c.Compile.Hits, 2, "and the compiled code, for both hosts")
	assert.Zero(t, c.Compile.Misses)

	t.Logf("a request that fits took %s, %s of it after the notice", within.ended.Sub(within.began), within.ended.Sub(told))
	require.Less(t, within.ended.Sub(told), notice, "the machine was too slow for this request")
	require.Greater(t, within.ended.Sub(told), 2*time.Second, "the notice came too late for this request")
	assert.NoError(t, within.err, "a request that fits in the notice is answered")
	assert.Error(t, beyond.err, "a request that does not fit ends in an error")
	assert.Less(t, beyond.ended.Sub(told), notice+5*time.Second, "as soon as the server ends")
	answered := 0
	for _, r := range all {
		if r.began.Before(told) {
			assert.NoError(t, r.err, "a short request that was sent before the notice")
		}
		if r.began.After(again) && r.err == nil {
			answered++
		}
	}
	assert.Positive(t, answered, "the endpoint is back")
}
