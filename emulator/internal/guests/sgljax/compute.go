package sgljax

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// vocabulary is the vocabulary of every emulated model.
var vocabulary = strings.Fields(`the a of and to in that is for on with as by at from this it be are was
 model slice chip mesh shard token leader worker group host axis tensor cache page layer head
 hello world answer question small large quick quiet bright green north south river stone garden window
 runs waits sends makes finds keeps turns holds reads writes begins ends .`)

// part returns a rank's contribution to a token, which needs the contributions of all ranks.
func part(rank int, seed, prompt string, position int) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d\x00%s\x00%s\x00%d", rank, seed, prompt, position)
	return h.Sum64()
}

// token computes one token with all ranks and returns its index in the vocabulary.
func (w *world) token(seed, prompt string, position int) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	total := part(0, seed, prompt, position)
	for i, p := range w.peers {
		_ = p.SetDeadline(time.Now().Add(20 * time.Second)) // if it is closed, Encode fails
		s := share{Prompt: prompt, Position: position}
		err := p.Encode(s)
		if err == nil {
			err = p.Decode(&s)
		}
		if err != nil {
			report(w.lost, fmt.Errorf("task %d: %w", i+1, err))
			return 0, fmt.Errorf("task %d does not answer: %w", i+1, err)
		}
		total ^= s.Value
	}
	return int(total % uint64(len(vocabulary))), nil
}

// crashes reports whether a request for log probabilities crashes the scheduler. With data
// parallelism they are spread over hosts, and each host reads all of them (jax.device_get in
// managers/scheduler_output_processor_mixin.py; upstream issue 1400). The fix, pull request
// 1410, is not merged.
func (w *world) crashes(a arguments) bool { return w.size > 1 && a.number("--dp-size", 1) > 1 }

var errNotAddressable = errors.New("RuntimeError: Fetching value for `jax.Array` that spans non-addressable (non process local) devices is not possible. " +
	"You can use `jax.experimental.multihost_utils.process_allgather` to print the global array or use `.addressable_shards` method of jax.Array to inspect the addressable (process local) shards.")

// crash sends such a request to all ranks, all of which then crash.
func (w *world) crash() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.peers {
		_ = p.Encode(share{Logprobs: true}) // it may have ended
	}
	report(w.fatal, errNotAddressable)
}

// report sends the first error to the main loop.
func report(to chan error, err error) {
	select {
	case to <- err:
	default:
	}
}

// leave closes the connections, as happens when the scheduler's process ends.
func (w *world) leave() {
	for _, p := range w.peers {
		_ = p.Close()
	}
}

// serve serves the requests of rank 0 until it disconnects.
func (w *world) serve(seed string) {
	p := w.peers[0]
	for {
		var s share
		if err := p.Decode(&s); err != nil {
			report(w.lost, fmt.Errorf("task 0: %w", err))
			return
		}
		if s.Logprobs {
			report(w.fatal, errNotAddressable)
			return
		}
		s.Value = part(w.rank, seed, s.Prompt, s.Position)
		if err := p.Encode(s); err != nil {
			report(w.lost, fmt.Errorf("task 0: %w", err))
			return
		}
	}
}

// heartbeat detects a lost peer when there are no requests.
func (w *world) heartbeat(seed string, every time.Duration) {
	for range time.Tick(every) {
		if _, err := w.token(seed, "", 0); err != nil {
			return
		}
	}
}
