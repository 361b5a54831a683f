package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sglang-tpu/cmd/internal/endpoint"
)

// Load describes the load. All requests have the same size, so that runs are comparable.
type Load struct {
	InputTokens  int    `json:"inputTokens"`  // of each request
	OutputTokens int    `json:"outputTokens"` // of each answer
	Rounds       int    `json:"rounds"`       // requests that each client sends, one after another
	Seed         uint64 `json:"seed"`         // of the prompts
}

// The range of token IDs in prompts. All models of the catalogue have larger vocabularies, and
// lower IDs are often special tokens.
const (
	firstToken = 1000
	lastToken  = 30000
)

// prompt returns random tokens. All prompts of all runs differ from the first token on, so that
// the server's prefix cache has no effect.
func (l Load) prompt(n uint64) []int {
	random := rand.New(rand.NewPCG(l.Seed, n))
	ids := make([]int, l.InputTokens)
	for i := range ids {
		ids[i] = firstToken + random.IntN(lastToken-firstToken)
	}
	return ids
}

// answer is the result of one request.
type answer struct {
	first   time.Duration // until the first token
	whole   time.Duration // until the last event
	input   int           // tokens, as the server counts them
	cached  int           // of these, from the prefix cache
	output  int
	problem error
}

// ask sends one request, reads its stream and measures it.
func ask(ctx context.Context, client endpoint.Client, l Load, n uint64) (a answer) {
	body := map[string]any{
		"input_ids": l.prompt(n), "stream": true,
		"sampling_params": map[string]any{"max_new_tokens": l.OutputTokens, "ignore_eos": true, "temperature": 0},
	}
	began := time.Now()
	_, a.problem = client.Events(ctx, "/generate", body, l.OutputTokens, func(event []byte) error {
		var part struct {
			Meta struct {
				Input  int `json:"prompt_tokens"`
				Cached int `json:"cached_tokens"`
				Output int `json:"completion_tokens"`
			} `json:"meta_info"`
		}
		if err := json.Unmarshal(event, &part); err != nil {
			return err
		}
		if a.first == 0 && part.Meta.Output > 0 {
			a.first = time.Since(began)
		}
		a.input, a.cached, a.output = part.Meta.Input, part.Meta.Cached, part.Meta.Output
		return nil
	})
	a.whole = time.Since(began)
	if a.problem == nil && a.output != l.OutputTokens {
		a.problem = fmt.Errorf("an answer has %d tokens instead of %d", a.output, l.OutputTokens)
	}
	return a
}

// clients returns one client for each URL. They reuse connections, like typical clients of an
// inference server.
func clients(bases []string, key string, patience time.Duration, atOnce int) []endpoint.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = atOnce
	var all []endpoint.Client
	for _, base := range bases {
		all = append(all, endpoint.Client{Base: base, Key: key, Patience: patience, HTTP: &http.Client{Transport: transport}})
	}
	return all
}

// send sends requests, at most atOnce concurrently, and returns the results and the total
// duration. from is the number of the first request.
func send(ctx context.Context, targets []endpoint.Client, l Load, atOnce, requests int, from uint64) ([]answer, time.Duration) {
	var group errgroup.Group
	group.SetLimit(atOnce)
	var mu sync.Mutex
	var answers []answer
	began := time.Now()
	for i := range requests {
		group.Go(func() error {
			a := ask(ctx, targets[i%len(targets)], l, from+uint64(i))
			mu.Lock()
			defer mu.Unlock()
			answers = append(answers, a)
			return nil // the answer contains the error
		})
	}
	_ = group.Wait()
	return answers, time.Since(began)
}
