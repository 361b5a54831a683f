package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience is the timeout of a client. A request that takes longer counts as lost, which must
// not happen.
const patience = 2 * time.Minute

// request is a request of a client and its result.
type request struct {
	began, ended time.Time
	err          error // nil if the response is complete
}

func (r request) lost() bool { return r.ended.Sub(r.began) >= patience }

// clients send requests to the Service, like clients in the cluster, and record the results.
type clients struct {
	url    string
	client *http.Client
	ctx    context.Context
	stop   context.CancelFunc
	all    sync.WaitGroup

	mu       sync.Mutex
	requests []request
}

// startClients starts clients, each of which sends one short request after the other.
func (w *world) startClients(t *testing.T, stack string, number int) *clients {
	t.Helper()
	address := strings.TrimSpace(w.shell(t, stack, "kubectl get service sglang-leader-tpu -o jsonpath='{.spec.clusterIP}:{.spec.ports[0].port}'"))
	// A connection for each request, as from many clients.
	l := &clients{url: "http://" + address + "/generate", client: &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}}
	l.ctx, l.stop = context.WithCancel(context.Background())
	t.Cleanup(l.stop)
	for range number {
		l.all.Go(func() {
			for l.ctx.Err() == nil {
				l.keep(l.send(1, 10))
				select {
				case <-l.ctx.Done():
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	}
	return l
}

func (l *clients) keep(r request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, r)
}

// finish stops the clients and returns all requests in the order in which they were sent.
func (l *clients) finish() []request {
	l.stop()
	l.all.Wait()
	slices.SortFunc(l.requests, func(a, b request) int { return a.began.Compare(b.began) })
	return l.requests
}

// send sends one request for a number of answers with a number of tokens each.
func (l *clients) send(answers, tokens int) request {
	r := request{began: time.Now()}
	r.err = l.ask(answers, tokens)
	r.ended = time.Now()
	return r
}

func (l *clients) ask(answers, tokens int) error {
	body, err := json.Marshal(map[string]any{
		"text": slices.Repeat([]string{"count"}, answers), "sampling_params": map[string]any{"max_new_tokens": tokens},
	})
	if err != nil {
		return err
	}
	answer, err := l.client.Post(l.url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	var got []struct {
		Meta struct {
			Tokens int `json:"completion_tokens"`
		} `json:"meta_info"`
	}
	if err := json.Unmarshal(text, &got); answer.StatusCode != http.StatusOK || err != nil || len(got) != answers || got[answers-1].Meta.Tokens != tokens {
		return fmt.Errorf("%s: %.200s", answer.Status, text)
	}
	return nil
}

// tokens returns how many tokens of each answer are generated in a time on this machine if
// there are no other requests.
func (l *clients) tokens(t *testing.T, answers int, d time.Duration) int {
	t.Helper()
	const sample = 500
	r := l.send(answers, sample)
	require.NoError(t, r.err)
	return max(1, int(sample*d/r.ended.Sub(r.began)))
}

// account prints the results of requests, and asserts that each has one.
func account(t *testing.T, what string, all []request) {
	t.Helper()
	answered, outage := 0, time.Duration(0)
	var last time.Time
	for _, r := range all {
		assert.False(t, r.lost(), "a request was neither answered nor refused in %s", patience)
		if r.err != nil {
			continue
		}
		answered++
		if !last.IsZero() {
			outage = max(outage, r.ended.Sub(last))
		}
		last = r.ended
	}
	fmt.Printf("    %-60s %d requests answered, %d ended in an error, none without a word; longest time without an answer %s\n",
		what, answered, len(all)-answered, outage.Round(100*time.Millisecond))
}
