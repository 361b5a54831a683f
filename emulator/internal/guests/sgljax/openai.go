package sgljax

import (
	"errors"
	"maps"
	"net/http"

	"k8s.io/utils/ptr"
)

// completionRequest has the emulated fields of entrypoints/openai/protocol.py. Like the real
// server, the emulator requires the model's name and ignores it.
type completionRequest struct {
	Model     string         `json:"model"`
	Prompt    any            `json:"prompt"`
	MaxTokens *int           `json:"max_tokens"`
	N         *int           `json:"n"`
	Stop      oneOrMore      `json:"stop"`
	Echo      bool           `json:"echo"`
	Logprobs  *int           `json:"logprobs"`
	Stream    bool           `json:"stream"`
	Options   *streamOptions `json:"stream_options"`
}

// chatRequest has the emulated fields of entrypoints/openai/protocol.py.
type chatRequest struct {
	Model               string         `json:"model"`
	Messages            []message      `json:"messages"`
	MaxTokens           *int           `json:"max_tokens"`
	MaxCompletionTokens *int           `json:"max_completion_tokens"`
	N                   *int           `json:"n"`
	Stop                oneOrMore      `json:"stop"`
	Logprobs            bool           `json:"logprobs"`
	Stream              bool           `json:"stream"`
	Options             *streamOptions `json:"stream_options"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

func (o *streamOptions) usage() bool { return o != nil && o.IncludeUsage }

// tokenUsage returns the usage of results, of which n belong to each prompt.
func tokenUsage(results []result, n int) map[string]any {
	prompt, completion := 0, 0
	for i, r := range results {
		if i%n == 0 {
			prompt += r.prompt
		}
		completion += len(r.tokens)
	}
	return map[string]any{"prompt_tokens": prompt, "total_tokens": prompt + completion, "completion_tokens": completion, "prompt_tokens_details": nil}
}

func (r result) reason() any {
	if r.finish == nil {
		return nil
	}
	return r.finish["type"]
}

// first reports whether there is no token yet.
func (r result) first() bool { return len(r.tokens) == 0 }

// since returns the text that came after an earlier result. A stop sequence may shorten the text.
func (r result) since(before result) string { return r.text[min(len(before.text), len(r.text)):] }

func (r result) matched() any { return r.finish["matched"] }

// postCompletions implements entrypoints/openai/serving_completions.py.
func (s *server) postCompletions(w http.ResponseWriter, r *http.Request) {
	var in completionRequest
	if !isJSON(w, r) || !decode(w, r, &in, "model", "prompt") {
		return
	}
	limit := ptr.Deref(in.MaxTokens, 16)
	if limit <= 0 {
		invalid(w, "{'type': 'value_error', 'loc': ('body', 'max_tokens'), 'msg': 'Value error, max_tokens must be positive'}")
		return
	}
	prompts, _ := texts(in.Prompt)
	if prompts == nil {
		invalid(w, "{'type': 'string_type', 'loc': ('body', 'prompt', 'str'), 'msg': 'Input should be a valid string'}")
		return
	}
	n := max(1, ptr.Deref(in.N, 1))
	var requests []request
	for _, p := range prompts {
		for sample := range n {
			requests = append(requests, request{prompt: p, limit: &limit, stop: in.Stop, logprobs: in.Logprobs != nil, sample: sample})
		}
	}
	echo := func(i int) string {
		if in.Echo {
			return prompts[i/n]
		}
		return ""
	}
	a := answering{server: s, w: w, r: r, model: in.Model, kind: "text_completion", requests: requests, n: n, usage: in.Options.usage()}
	if in.Stream {
		a.stream(func(i int, before, so result) []map[string]any {
			text := so.since(before)
			if before.first() {
				text = echo(i) + text
			}
			return []map[string]any{{
				"index": i, "text": text, "logprobs": completionLogprobs(in.Logprobs, so, len(before.tokens)),
				"finish_reason": so.reason(), "matched_stop": so.matched(), "hidden_states": nil,
			}}
		}, nil)
		return
	}
	a.answer(func(i int, so result) map[string]any {
		return map[string]any{
			"index": i, "text": echo(i) + so.text, "logprobs": completionLogprobs(in.Logprobs, so, 0), "finish_reason": so.reason(),
			"matched_stop": so.matched(), "hidden_states": nil, "routed_experts": nil,
		}
	})
}

// postChat implements entrypoints/openai/serving_chat.py.
func (s *server) postChat(w http.ResponseWriter, r *http.Request) {
	var in chatRequest
	if !isJSON(w, r) || !decode(w, r, &in, "messages", "model") {
		return
	}
	limit := in.MaxTokens
	if limit == nil || *limit == 0 {
		limit = in.MaxCompletionTokens
	}
	n := max(1, ptr.Deref(in.N, 1))
	var requests []request
	for sample := range n {
		requests = append(requests, request{prompt: s.tokenizer.chat(in.Messages), limit: limit, stop: in.Stop, logprobs: in.Logprobs, sample: sample})
	}
	a := answering{server: s, w: w, r: r, model: in.Model, kind: "chat.completion", requests: requests, n: n, usage: in.Options.usage()}
	if in.Stream {
		a.kind = "chat.completion.chunk"
		a.streamChat(in)
		return
	}
	a.answer(func(i int, so result) map[string]any {
		return map[string]any{
			"index":    i,
			"message":  map[string]any{"role": "assistant", "content": orNull(so.text), "reasoning_content": nil, "tool_calls": nil},
			"logprobs": chatLogprobs(in.Logprobs, so, 0), "finish_reason": so.reason(), "matched_stop": so.matched(), "hidden_states": nil,
		}
	})
}

// streamChat sends a first event with only the role, events with text, and a last one with the
// finish reason. If the client requests usage, only the last event has the reason.
func (a answering) streamChat(in chatRequest) {
	choice := func(i int, so result, delta map[string]any, reason, logprobs any) map[string]any {
		full := map[string]any{"role": nil, "content": nil, "reasoning_content": nil, "tool_calls": nil, "hidden_states": nil}
		maps.Copy(full, delta)
		return map[string]any{"index": i, "delta": full, "logprobs": logprobs, "finish_reason": reason, "matched_stop": so.matched()}
	}
	a.stream(func(i int, before, so result) []map[string]any {
		var choices []map[string]any
		logprobs := chatLogprobs(in.Logprobs, so, len(before.tokens))
		if before.first() {
			choices = append(choices, choice(i, so, map[string]any{"role": "assistant", "content": ""}, so.reason(), logprobs))
		}
		reason := so.reason()
		if a.usage {
			reason = nil
		}
		if delta := so.since(before); delta != "" || !a.usage {
			choices = append(choices, choice(i, so, map[string]any{"content": orNull(delta)}, reason, logprobs))
		}
		return choices
	}, func(i int, so result) map[string]any { return choice(i, so, nil, so.reason(), nil) })
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// answering handles one request to an OpenAI route.
type answering struct {
	*server
	w           http.ResponseWriter
	r           *http.Request
	model, kind string
	requests    []request
	n           int
	usage       bool
}

func (a answering) object(id string, choices []map[string]any, used any) map[string]any {
	if choices == nil {
		choices = []map[string]any{}
	}
	return map[string]any{"id": id, "object": a.kind, "created": now(), "model": a.model, "choices": choices, "usage": used}
}

func (a answering) answer(choice func(i int, so result) map[string]any) {
	results, err := a.all(a.r.Context(), a.requests, nil)
	var bad badRequest
	if errors.As(err, &bad) {
		write(a.w, http.StatusBadRequest, failure(http.StatusBadRequest, "BadRequestError", err.Error()))
		return
	}
	if err != nil {
		return // the client has disconnected
	}
	var choices []map[string]any
	for i, so := range results {
		choices = append(choices, choice(i, so))
	}
	write(a.w, http.StatusOK, a.object(results[0].id, choices, tokenUsage(results, a.n)))
}

func (a answering) stream(choices func(i int, before, so result) []map[string]any, last func(i int, so result) map[string]any) {
	out := newEvents(a.w)
	results, err := a.all(a.r.Context(), a.requests, func(i int, before, so result) {
		for _, c := range choices(i, before, so) {
			out.send(a.object(so.id, []map[string]any{c}, nil))
		}
	})
	if err != nil {
		out.send(map[string]any{"error": failure(http.StatusBadRequest, "BadRequestError", err.Error())})
		out.send("[DONE]")
		return
	}
	end := len(results) - 1
	if last != nil {
		out.send(a.object(results[end].id, []map[string]any{last(end, results[end])}, nil))
	}
	if a.usage {
		out.send(a.object(results[end].id, nil, tokenUsage(results, a.n)))
	}
	out.send("[DONE]")
}

// completionLogprobs and chatLogprobs return the log probabilities of the tokens from an index
// on (entrypoints/openai/utils.py, to_openai_style_logprobs).
func completionLogprobs(top *int, so result, from int) any {
	if top == nil {
		return nil
	}
	offsets, values, words, tops := []int{}, []float64{}, []string{}, []map[string]float64{}
	for _, token := range so.tokens[from:] {
		word := " " + vocabulary[token]
		offsets, values, words = append(offsets, -1), append(values, logprob(token)), append(words, word)
		tops = append(tops, map[string]float64{word: logprob(token)})
	}
	return map[string]any{"text_offset": offsets, "token_logprobs": values, "tokens": words, "top_logprobs": tops}
}

func chatLogprobs(wanted bool, so result, from int) any {
	if !wanted {
		return nil
	}
	content := []map[string]any{}
	for _, token := range so.tokens[from:] {
		word := " " + vocabulary[token]
		letters := []int{}
		for _, b := range []byte(word) {
			letters = append(letters, int(b))
		}
		content = append(content, map[string]any{"token": word, "bytes": letters, "logprob": logprob(token), "top_logprobs": []any{}})
	}
	return map[string]any{"content": content}
}
