package checks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"sglang-tpu/spec/serverargs"
)

// wrongKey is what no stack has as its API key.
const wrongKey = "smoke-test-of-a-wrong-key"

// tokens is how many a request asks for.
const tokens = 16

// server sends requests through the Service, as clients do.
func (q *questions) server(ctx context.Context, haveKey bool) {
	target := "svc/" + q.out.Service
	base, stop, err := q.forward(ctx, target)
	asked := ofServer
	if !haveKey {
		asked = asked[1:] // the first has failed
	}
	if err != nil {
		q.fail(forwardCheck, message(err), q.typed(fmt.Sprintf("port-forward %s %d:%d", target, serverargs.Port, serverargs.Port))+"; it takes a pod that runs behind the Service")
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

// forward makes the server's port one of this machine, and returns its URL.
func (q *questions) forward(ctx context.Context, target string) (base string, stop func(), err error) {
	address, stop, err := q.Forward(ctx, q.kubectl("port-forward", "--address", "127.0.0.1", "--pod-running-timeout=10s", target, fmt.Sprintf(":%d", serverargs.Port))...)
	return "http://" + address, stop, err
}

// statusError is an answer that is not 200.
type statusError struct {
	code int
	text string // the beginning of the body
}

func (e *statusError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("the server answers %d %s: %s", e.code, http.StatusText(e.code), e.text), ": ")
}

// send puts a question with a key; body nil: a GET. The answer is bounded by the context.
func send(ctx context.Context, url, key string, body any) (*http.Response, error) {
	method, content := http.MethodGet, []byte(nil)
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, err
		}
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096)) // what there is of it
		return nil, &statusError{response.StatusCode, excerpt(string(text))}
	}
	return response, nil
}

// mostBytes of an answer to tokens tokens are read.
const mostBytes = 1 << 20

// ask sends the stack's key and reads the answer's JSON.
func (q *questions) ask(ctx context.Context, url string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, q.patience)
	defer cancel()
	response, err := send(ctx, url, q.key, body)
	if err != nil {
		return q.late(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostBytes))
	if err != nil {
		return q.late(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("the answer is not the JSON that it should be: %s", excerpt(string(text)))
	}
	return nil
}

// late says what a deadline means.
func (q *questions) late(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", q.patience)
	}
	return err
}

// failRequest reports a request that was not answered as it should be, and what to do by
// the reason.
func (q *questions) failRequest(check string, err error) {
	do := q.logs() + " says why"
	var status *statusError
	if errors.As(err, &status) && status.code == http.StatusUnauthorized {
		do = q.restart()
	}
	q.fail(check, err.Error(), do)
}

// restart is what makes servers read their key again.
func (q *questions) restart() string {
	return fmt.Sprintf("pulumi up --refresh --stack %s, then %s: a server reads its key when it starts, and the groups start again", q.stack, q.typed("delete pod -l "+q.leaderSelector()))
}

// keys tries the API key, none and a wrong one.
func (q *questions) keys(ctx context.Context, base string) {
	status := func(key string) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, q.patience)
		defer cancel()
		response, err := send(ctx, base+"/v1/models", key, nil)
		var refused *statusError
		if errors.As(err, &refused) && refused.code == http.StatusUnauthorized {
			return refused.code, nil
		}
		if err != nil {
			return 0, q.late(err)
		}
		response.Body.Close()
		return http.StatusOK, nil
	}
	type attempt struct {
		name, key string
		want      int
	}
	attempts := []attempt{{"without a key", "", http.StatusOK}}
	if q.key != "" {
		attempts = []attempt{
			{"with the stack's key", q.key, http.StatusOK},
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
			wrong = append(wrong, fmt.Sprintf("a request %s gets %d in place of %d", a.name, got, a.want))
		}
	}
	switch {
	case len(wrong) > 0:
		q.fail(keyCheck, strings.Join(wrong, "; "), q.restart())
	case q.key == "":
		q.ok(keyCheck, "the stack has none, and the server wants none")
	default:
		q.ok(keyCheck, "the stack's is accepted; none and a wrong one get 401")
	}
}

// model compares what the server has loaded with the plan. Its name for clients may be
// another, by --served-model-name.
func (q *questions) model(ctx context.Context, base string) {
	var info struct {
		Path string `json:"model_path"`
	}
	var served struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	err := q.ask(ctx, base+"/get_model_info", nil, &info)
	if err == nil {
		err = q.ask(ctx, base+"/v1/models", nil, &served)
	}
	switch {
	case err != nil:
		q.failRequest(modelCheck, err)
	case info.Path != q.out.Plan.Model:
		q.fail(modelCheck, fmt.Sprintf("the server has loaded %q, and the stack's model is %q", info.Path, q.out.Plan.Model),
			"pulumi up --stack "+q.stack+": it ends when all pods have the newest template; and see that no other server has the labels that the Service selects")
	case len(served.Data) == 0:
		q.fail(modelCheck, "/v1/models lists no model", q.logs())
	case served.Data[0].ID != info.Path:
		q.ok(modelCheck, "%s, which clients see as %s", info.Path, served.Data[0].ID)
	default:
		q.ok(modelCheck, "%s", info.Path)
	}
}

// conversation is a chat request.
func (q *questions) conversation(stream bool) map[string]any {
	return map[string]any{
		"model": q.out.Plan.Model, "stream": stream, "max_tokens": tokens, "temperature": 0,
		"messages": []map[string]string{{"role": "user", "content": "Say hello."}},
	}
}

// said is a message or a part of one. A model that thinks first may need all tokens for it.
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
	if err := q.ask(ctx, base+"/v1/chat/completions", q.conversation(false), &answer); err != nil {
		q.failRequest(chatCheck, err)
		return
	}
	if len(answer.Choices) == 0 || answer.Usage.Tokens == 0 || answer.Choices[0].Reason == "" {
		q.fail(chatCheck, "the answer has no text, or does not say why it ends", q.logs())
		return
	}
	text := answer.Choices[0].Message.Content + answer.Choices[0].Message.Reasoning
	if text == "" {
		q.fail(chatCheck, fmt.Sprintf("the answer of %d tokens is empty", answer.Usage.Tokens), q.logs()+"; look at the parsers and the chat template in serverArguments")
		return
	}
	q.ok(chatCheck, "%d tokens in %s: %q", answer.Usage.Tokens, time.Since(began).Round(time.Millisecond), excerpt(text))
}

// compilation sends one request twice, and reads how many programs the server had to
// compile for each step of the second. The server counts them itself (cache_miss_count in
// managers/tokenizer_manager.py), so that no time has to be compared.
func (q *questions) compilation(ctx context.Context, base string) {
	body := map[string]any{
		"text": "The capital of France is", "stream": true,
		"sampling_params": map[string]any{"max_new_tokens": tokens, "temperature": 0},
	}
	var counts []int
	for range 2 {
		counts = nil
		_, err := q.events(ctx, base+"/generate", body, func(event []byte) error {
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
