package sgljax

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRequestsBeyondTheBatchWait(t *testing.T) {
	s := &server{args: arguments{"--max-running-requests": "256", "--dp-size": "2"}}
	for _, c := range []struct{ admitted, running, waiting, free int }{
		{0, 0, 0, 256}, {256, 256, 0, 0}, {300, 256, 44, 0},
	} {
		s.running.Store(int64(c.admitted))
		state := s.state(1000)
		assert.EqualValues(t, c.running, state["running_batch_size"])
		assert.EqualValues(t, c.waiting, state["waiting_queue_size"])
		assert.EqualValues(t, c.free, state["req_to_token_pool_available"])
		assert.EqualValues(t, c.admitted, state["prefill_decode_size"])
	}
	s.args = arguments{"--context-length": "32768", "--page-size": "128", "--dp-size": "2"}
	s.running.Store(1050)
	assert.EqualValues(t, 1024, s.state(5e6)["running_batch_size"], "what the page table has room for")
	assert.EqualValues(t, 4096, s.state(1e9)["req_to_token_pool_total"])
	assert.EqualValues(t, 500, s.state(1000)["available_kv_tokens"], "rank 0's alone")
}
