package e2e

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const (
	// notice is the time that pods on a spot host have to terminate.
	notice = 15 * time.Second
	// mostTokens of one answer, in a context of 32768.
	mostTokens = 30000
)

// preempted preempts a spot slice while clients send requests, some of them long ones. Their
// duration depends on the machine, so the test asserts only when they end.
func (w *world) preempted(t *testing.T) {
	before := w.podUIDs(t)
	l := w.startClients(t, "dev", 4)
	const answers = 5
	second := l.tokens(t, answers, time.Second)
	long := make([]request, 4)
	var sent sync.WaitGroup
	for i := range long {
		size, tokens := answers, min(mostTokens, second<<i/2) // the last one makes the others take eight times as long
		if i == len(long)-1 {
			size, tokens = 4*answers, mostTokens
		}
		sent.Go(func() { long[i] = l.send(size, tokens) })
	}
	time.Sleep(300 * time.Millisecond) // until the server has them
	told := time.Now()
	c := w.during(t, "a spot slice is taken back", func() {
		w.shell(t, "", "bin/emulator preempt slice-0")
		w.groupIsNew(t, before)
	})
	again := time.Now()
	sent.Wait()
	time.Sleep(2 * time.Second)
	all := append(l.finish(), long...)
	account(t, "a spot slice is taken back", all)

	assert.Zero(t, c.Hub.Bytes, "the weights are in the bucket")
	assert.GreaterOrEqual(t, c.Compile.Hits, 2, "and the compiled code, for both hosts")
	assert.Zero(t, c.Compile.Misses)

	late, cut, back := 0, 0, 0
	for _, r := range all {
		after := r.ended.Sub(told)
		switch {
		case r.began.After(again) && r.err == nil:
			back++
		case r.began.After(told):
		case r.err != nil:
			cut++
			assert.Greater(t, after, notice-time.Second, "a request that has time until the end of the notice is not cut off before: %v", r.err)
			assert.Less(t, after, notice+5*time.Second, "and learns at once that it is: %v", r.err)
		case after > 3*time.Second:
			late++
		}
	}
	for _, r := range long {
		t.Logf("a request sent %s before the notice ended %s after it: %v", told.Sub(r.began), r.ended.Sub(told), r.err)
	}
	assert.Positive(t, late, "requests that took longer than the preStop hook, and were answered")
	assert.Positive(t, cut, "requests that were too long")
	assert.Positive(t, back, "requests that the new group has answered")
}
