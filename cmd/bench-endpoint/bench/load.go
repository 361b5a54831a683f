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

// Load is what is sent. Requests are all of one size, so that runs can be compared.
type Load struct {
	InputTokens  int    `json:"inputTokens"`  // of each request
	OutputTokens int    `json:"outputTokens"` // of each answer
	Rounds       int    `json:"rounds"`       // requests that each client sends, one after another
	Seed         uint64 `json:"seed"`         // of the prompts
}

// Ids of tokens that prompts are made of. The vocabularies of all models of the catalogue
// are larger, and ids below are often special tokens.
const (
	firstToken = 1000
	lastToken  = 30000
)

// prompt is made of tokens at random. No two requests begin alike, nor do those of two runs,
// so that the server's prefix cache has nothing of it.
func (l Load) prompt(n uint64) []int {
	random := rand.New(rand.NewPCG(l.Seed, n))
	ids := make([]int, l.InputTokens)
	for i := range ids {
		ids[i] = firstToken + random.IntN(lastToken-firstToken)
	}
	return ids
}

// answer is how one request went.
type answer struct {
	first   time.Duration // until the first token
	whole   time.Duration // until the last event
	input   int           // tokens, as the server counts them
	cached  int           // of these, from the prefix cache
	output  int
	problem error
}

// ask sends one request and reads its stream. Times are those of a client.
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
		a.problem = fmt.Errorf("an answer has %d tokens in place of %d", a.output, l.OutputTokens)
	}
	return a
}

// clients send through one target in turn. They keep their connections, as clients of an
// inference server do.
func clients(bases []string, key string, patience time.Duration, atOnce int) []endpoint.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = atOnce
	var all []endpoint.Client
	for _, base := range bases {
		all = append(all, endpoint.Client{Base: base, Key: key, Patience: patience, HTTP: &http.Client{Transport: transport}})
	}
	return all
}

// send has requests answered, so many at a time: whenever one ends, the next begins. It
// returns how each went and how long all took. The numbers of the requests begin with from.
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
			return nil // it is among the answers
		})
	}
	_ = group.Wait()
	return answers, time.Since(began)
}
