package sgljax

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/ptr"
)

// badRequest is a ValueError in Python, for which the routes return status 400.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// request is the generation of one completion.
type request struct {
	prompt   string
	limit    *int // number of tokens; nil: until the model emits endToken
	stop     []string
	logprobs bool
	sample   int // index among several completions of the same prompt
}

// result is a complete or partial completion.
type result struct {
	id       string
	prompt   int // number of tokens
	tokens   []int
	text     string
	finish   map[string]any // finish reason; nil while it is incomplete
	duration time.Duration
}

// unlimited is the maximum number of tokens of a request without a limit.
const unlimited = 64

// endToken is the token that ends a completion without a limit.
const endToken = "."

// generate generates tokens with all ranks, and calls show after each, with the results before and after it.
func (s *server) generate(ctx context.Context, r request, show func(before, now result)) (result, error) {
	out := result{id: fmt.Sprintf("%032x", s.requests.Add(1)), prompt: len(s.tokenizer.tokens(r.prompt))}
	if err := s.fits(out.prompt, r.limit); err != nil {
		return out, err
	}
	s.asked.Store(true)
	s.running.Add(1)
	defer s.running.Add(-1)
	began := time.Now()
	limit := ptr.Deref(r.limit, unlimited)
	prompt := s.tokenizer.encode(r.prompt)
	if r.sample > 0 {
		prompt += "\x00" + strconv.Itoa(r.sample)
	}
	for out.finish == nil {
		before := out
		if len(out.tokens) == limit {
			out.finish = map[string]any{"type": "length", "length": limit}
			break
		}
		// The server checks after each token whether the client has disconnected
		// (_wait_one_response in managers/tokenizer_manager.py).
		if err := ctx.Err(); err != nil {
			return out, err
		}
		token, err := s.token(ctx, prompt, len(out.tokens), r.logprobs)
		if err != nil {
			return out, err
		}
		out.tokens = append(out.tokens, token)
		out.text += " " + vocabulary[token]
		s.generated.Add(1)
		if r.limit == nil && vocabulary[token] == endToken {
			out.finish = map[string]any{"type": "stop", "matched": token}
		}
		for _, stop := range r.stop {
			if at := strings.Index(out.text, stop); at >= 0 && stop != "" {
				out.text = out.text[:at]
				out.finish = map[string]any{"type": "stop", "matched": stop}
			}
		}
		if out.finish == nil && len(out.tokens) == limit {
			out.finish = map[string]any{"type": "length", "length": limit}
		}
		out.duration = time.Since(began)
		show(before, out)
	}
	out.duration = time.Since(began)
	s.speed.Store(int64(float64(len(out.tokens)) / math.Max(out.duration.Seconds(), 0.001)))
	return out, nil
}

// fits implements _validate_one_request in managers/tokenizer_manager.py.
func (s *server) fits(prompt int, limit *int) error {
	context := s.context()
	switch {
	case context == 0:
		return nil
	case prompt >= context:
		return badRequest(fmt.Sprintf("The input (%d tokens) is longer than the model's context length (%d tokens).", prompt, context))
	case limit != nil && *limit+prompt >= context:
		return badRequest(fmt.Sprintf("Requested token count exceeds the model's maximum context length of %d tokens. You requested a total of %d tokens: "+
			"%d tokens from the input messages and %d tokens for the completion. Please reduce the number of tokens in the input messages or the completion to fit within the limit.",
			context, *limit+prompt, prompt, *limit))
	}
	return nil
}

// logprob returns the invented log probability of a token.
func logprob(token int) float64 { return -0.1 - float64(token%10)/10 }

// native returns the response of /generate.
func (r result) native(logprobs bool) map[string]any {
	meta := map[string]any{
		"id": r.id, "finish_reason": r.finish, "prompt_tokens": r.prompt, "completion_tokens": len(r.tokens), "cached_tokens": 0,
		// The number of compilations during the request (managers/tokenizer_manager.py). It is
		// 0 because everything is compiled at the start; --disable-precompile is rejected.
		"cache_miss_count": 0,
	}
	if r.finish != nil {
		meta["e2e_latency"] = r.duration.Seconds()
	}
	if logprobs {
		all := []any{}
		for _, token := range r.tokens {
			all = append(all, []any{logprob(token), token, " " + vocabulary[token]})
		}
		meta["output_token_logprobs"] = all
	}
	return map[string]any{"text": r.text, "output_ids": r.tokens, "meta_info": meta}
}
