package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"sglang-tpu/cmd/internal/endpoint"
	"sglang-tpu/spec/serverargs"
)

// wrongKey is not the API key of any stack.
const wrongKey = "smoke-test-of-a-wrong-key"

// tokens is the number of tokens that a request asks for.
const tokens = 16

// server sends requests through the Service, as clients do.
func (q *questions) server(ctx context.Context, haveKey bool) {
	target := q.Through()
	base, stop, err := q.Connect(ctx, target)
	asked := ofServer
	if !haveKey {
		asked = asked[1:] // the first check has failed
	}
	if err != nil {
		q.fail(forwardCheck, endpoint.Message(err), q.Typed(fmt.Sprintf("port-forward %s %d:%d", target, serverargs.Port, serverargs.Port))+"; this requires a running pod behind the Service")
		q.skip("needs the port-forward", asked...)
		return
	}
	defer stop()
	q.ok(forwardCheck, "%s answers on a port of this machine", target)
	if !haveKey {
		q.skip("needs the API key", asked...)
		return
	}
	q.keys(ctx, base)
	q.model(ctx, base)
	q.chat(ctx, base)
	q.stream(ctx, base)
	q.compilation(ctx, base)
}

// client returns a client with the stack's key.
func (q *questions) client(base string) endpoint.Client {
	return endpoint.Client{Base: base, Key: q.Key, Patience: q.patience}
}

// failRequest reports a failed request, with a remedy for the reason.
func (q *questions) failRequest(check string, err error) {
	do := q.Logs() + " says why"
	var status *endpoint.StatusError
	if errors.As(err, &status) && status.Code == http.StatusUnauthorized {
		do = q.RestartServers()
	}
	q.fail(check, err.Error(), do)
}

// keys sends requests with the API key, without a key and with a wrong key.
func (q *questions) keys(ctx context.Context, base string) {
	status := func(key string) (int, error) {
		client := q.client(base)
		client.Key = key
		err := client.Ask(ctx, "/v1/models", nil, nil)
		var refused *endpoint.StatusError
		if errors.As(err, &refused) && refused.Code == http.StatusUnauthorized {
			return refused.Code, nil
		}
		return http.StatusOK, err
	}
	type attempt struct {
		name, key string
		want      int
	}
	attempts := []attempt{{"without a key", "", http.StatusOK}}
	if q.Key != "" {
		attempts = []attempt{
			{"with the stack's key", q.Key, http.StatusOK},
			{"without a key", "", http.StatusUnauthorized},
			{"with a wrong key", wrongKey, http.StatusUnauthorized},
		}
	}
	var wrong []string
	for _, a := range attempts {
		got, err := status(a.key)
		if err != nil {
			q.failRequest(keyCheck, err)
			return
		}
		if got != a.want {
			wrong = append(wrong, fmt.Sprintf("a request %s gets status %d instead of %d", a.name, got, a.want))
		}
	}
	switch {
	case len(wrong) > 0:
		q.fail(keyCheck, strings.Join(wrong, "; "), q.RestartServers())
	case q.Key == "":
		q.ok(keyCheck, "the stack has none, and the server requires none")
	default:
		q.ok(keyCheck, "the stack's key is accepted; a request without a key and one with a wrong key get 401")
	}
}

// model compares the loaded model with the plan. --served-model-name may change its name for
// clients.
func (q *questions) model(ctx context.Context, base string) {
	var info struct {
		Path string `json:"model_path"`
	}
	var served struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	err := q.client(base).Ask(ctx, "/get_model_info", nil, &info)
	if err == nil {
		err = q.client(base).Ask(ctx, "/v1/models", nil, &served)
	}
	switch {
	case err != nil:
		q.failRequest(modelCheck, err)
	case info.Path != q.Outputs.Plan.Model:
		q.fail(modelCheck, fmt.Sprintf("the server has loaded %q, and the stack's model is %q", info.Path, q.Outputs.Plan.Model),
			"pulumi up --stack "+q.Name+", which ends when all pods have the newest template. Check also that no other server has the labels that the Service selects")
	case len(served.Data) == 0:
		q.fail(modelCheck, "/v1/models lists no model", q.Logs())
	case served.Data[0].ID != info.Path:
		q.ok(modelCheck, "%s, which clients see as %s", info.Path, served.Data[0].ID)
	default:
		q.ok(modelCheck, "%s", info.Path)
	}
}

// conversation returns a chat request.
func (q *questions) conversation(stream bool) map[string]any {
	return map[string]any{
		"model": q.Outputs.Plan.Model, "stream": stream, "max_tokens": tokens, "temperature": 0,
		"messages": []map[string]string{{"role": "user", "content": "Say hello."}},
	}
}

// said is a message or a part of one. A reasoning model may use all tokens for its reasoning.
type said struct {
	Content   string `json:"content"`
	Reasoning string `json:"reasoning_content"`
}

func (q *questions) chat(ctx context.Context, base string) {
	var answer struct {
		Choices []struct {
			Message said   `json:"message"`
			Reason  string `json:"finish_reason"`
		} `json:"choices"`
		Usage struct {
			Tokens int `json:"completion_tokens"`
		} `json:"usage"`
	}
	began := time.Now()
	if err := q.client(base).Ask(ctx, "/v1/chat/completions", q.conversation(false), &answer); err != nil {
		q.failRequest(chatCheck, err)
		return
	}
	if len(answer.Choices) == 0 || answer.Usage.Tokens == 0 || answer.Choices[0].Reason == "" {
		q.fail(chatCheck, "the answer has no text, or does not say why it ends", q.Logs())
		return
	}
	text := answer.Choices[0].Message.Content + answer.Choices[0].Message.Reasoning
	if text == "" {
		q.fail(chatCheck, fmt.Sprintf("the answer of %d tokens is empty", answer.Usage.Tokens), q.Logs()+"; look at the parsers and the chat template in serverArguments")
		return
	}
	q.ok(chatCheck, "%d tokens in %s: %q", answer.Usage.Tokens, time.Since(began).Round(time.Millisecond), endpoint.Excerpt(text))
}

// compilation sends a request twice and checks how many programs the server compiled in each
// step of the second. The server reports the number (cache_miss_count in
// managers/tokenizer_manager.py), so the check does not depend on durations.
func (q *questions) compilation(ctx context.Context, base string) {
	body := map[string]any{
		"text": "The capital of France is", "stream": true,
		"sampling_params": map[string]any{"max_new_tokens": tokens, "temperature": 0},
	}
	var counts []int
	for range 2 {
		counts = nil
		_, err := q.client(base).Events(ctx, "/generate", body, tokens, func(event []byte) error {
			var step struct {
				Meta struct {
					Misses *int `json:"cache_miss_count"`
				} `json:"meta_info"`
			}
			if err := json.Unmarshal(event, &step); err != nil {
				return err
			}
			if step.Meta.Misses != nil {
				counts = append(counts, *step.Meta.Misses)
			}
			return nil
		})
		if err != nil {
			q.failRequest(compileCheck, err)
			return
		}
	}
	switch {
	case len(counts) == 0:
		q.skip("this server does not say whether it compiles for a request", compileCheck)
	case slices.Max(counts) > 0:
		q.fail(compileCheck, "the server compiled again for a request that it had answered before", "each such request waits for the compiler: look at --precompile-token-paddings and --precompile-bs-paddings in serverArguments (docs/server-arguments.md)")
	default:
		q.ok(compileCheck, "nothing was compiled in %d steps of a second request", len(counts))
	}
}
