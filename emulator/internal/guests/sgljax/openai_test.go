package sgljax

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/guests/hub"
)

const coder = "Qwen/Qwen2.5-Coder-32B-Instruct"

// newServer starts a server with one host.
func newServer(t *testing.T, more ...string) (*server, string) {
	t.Helper()
	a := arguments{
		"--model-path": coder, "--served-model-name": coder, "--tp-size": "8", "--dp-size": "1", "--page-size": "128", "--random-seed": "0",
	}
	for i := 0; i < len(more); i += 2 {
		a[more[i]] = more[i+1]
	}
	r, _ := hub.Lookup(coder)
	s := &server{
		args: a, devices: 8, world: newWorld(arguments{}), scheduler: &exec.Cmd{},
		tokenizer: &tokenizer{key: "k", template: r.ChatTemplate(r.Commit("main"))},
	}
	h := httptest.NewServer(s.handler())
	t.Cleanup(h.Close)
	return s, h.URL
}

func clientOf(url, key string) openai.Client {
	return openai.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey(key), option.WithMaxRetries(0))
}

func TestAnOpenAIClientGetsAChat(t *testing.T) {
	_, url := newServer(t, "--api-key", "secret")
	client := clientOf(url, "secret")
	ask := openai.ChatCompletionNewParams{
		Model: coder, MaxCompletionTokens: openai.Int(7),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("be brief"), openai.UserMessage("hello world")},
	}
	got, err := client.Chat.Completions.New(context.Background(), ask)
	require.NoError(t, err)
	require.Len(t, got.Choices, 1)
	assert.Len(t, strings.Fields(got.Choices[0].Message.Content), 7)
	assert.Equal(t, "length", got.Choices[0].FinishReason)
	assert.Equal(t, coder, got.Model)
	assert.EqualValues(t, 7, got.Usage.CompletionTokens)
	assert.Equal(t, got.Usage.PromptTokens+7, got.Usage.TotalTokens)

	// The same in a stream, with usage in the last event.
	ask.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	stream := client.Chat.Completions.NewStreaming(context.Background(), ask)
	all := openai.ChatCompletionAccumulator{}
	chunks := 0
	for stream.Next() {
		require.True(t, all.AddChunk(stream.Current()))
		chunks++
	}
	require.NoError(t, stream.Err())
	assert.Equal(t, 1+7+1+1, chunks, "role, tokens, reason, usage")
	assert.Equal(t, got.Choices[0].Message.Content, all.Choices[0].Message.Content)
	assert.Equal(t, "length", all.Choices[0].FinishReason)
	assert.Equal(t, got.Usage.TotalTokens, all.Usage.TotalTokens)

	// Without a limit the model ends the answer.
	ask.MaxCompletionTokens, ask.N = openai.ChatCompletionNewParams{}.MaxCompletionTokens, openai.Int(3)
	several, err := client.Chat.Completions.New(context.Background(), ask)
	require.NoError(t, err)
	require.Len(t, several.Choices, 3)
	assert.NotEqual(t, several.Choices[0].Message.Content, several.Choices[1].Message.Content)
}

func TestAnOpenAIClientGetsACompletion(t *testing.T) {
	_, url := newServer(t)
	client := clientOf(url, "")
	ask := openai.CompletionNewParams{Model: "any name", Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"one", "two words"}}, Echo: openai.Bool(true)}
	got, err := client.Completions.New(context.Background(), ask)
	require.NoError(t, err, "the name of the model is not compared with anything")
	require.Len(t, got.Choices, 2)
	assert.True(t, strings.HasPrefix(got.Choices[1].Text, "two words "), got.Choices[1].Text)
	assert.EqualValues(t, 2*16, got.Usage.CompletionTokens, "max_tokens is 16")
	assert.EqualValues(t, 3, got.Usage.PromptTokens)

	stream := client.Completions.NewStreaming(context.Background(), ask)
	texts := map[int64]string{}
	for stream.Next() {
		for _, c := range stream.Current().Choices {
			texts[c.Index] += c.Text
		}
	}
	require.NoError(t, stream.Err())
	assert.Equal(t, got.Choices[0].Text, texts[0])
	assert.Equal(t, got.Choices[1].Text, texts[1])

	word := strings.Fields(strings.TrimPrefix(got.Choices[0].Text, "one"))[3]
	ask.Stop = openai.CompletionNewParamsStopUnion{OfString: openai.String(" " + word)}
	stopped, err := client.Completions.New(context.Background(), ask)
	require.NoError(t, err)
	assert.Equal(t, openai.CompletionChoiceFinishReasonStop, stopped.Choices[0].FinishReason)
	assert.NotContains(t, strings.TrimPrefix(stopped.Choices[0].Text, "one"), " "+word)

	ask.Logprobs = openai.Int(1)
	with, err := client.Completions.New(context.Background(), ask)
	require.NoError(t, err, "on one host nothing is spread")
	assert.NotEmpty(t, with.Choices[0].Logprobs.TokenLogprobs)
}

func TestAnOpenAIClientFindsTheModel(t *testing.T) {
	_, url := newServer(t, "--api-key", "secret")
	client := clientOf(url, "secret")
	list, err := client.Models.List(context.Background())
	require.NoError(t, err)
	require.Len(t, list.Data, 1)
	assert.Equal(t, coder, list.Data[0].ID)
	var extra struct {
		Context int `json:"max_model_len"`
	}
	require.NoError(t, json.Unmarshal([]byte(list.Data[0].RawJSON()), &extra))
	assert.Equal(t, 32768, extra.Context)
	_, err = client.Models.Get(context.Background(), "other")
	var of *openai.Error
	require.ErrorAs(t, err, &of)
	assert.Equal(t, http.StatusNotFound, of.StatusCode)
	assert.Equal(t, "model_not_found", of.Code)

	intruder := clientOf(url, "other")
	_, err = intruder.Models.List(context.Background())
	require.ErrorAs(t, err, &of)
	assert.Equal(t, http.StatusUnauthorized, of.StatusCode)
}

func call(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

func TestErrorsAreTheServersOwn(t *testing.T) {
	_, url := newServer(t, "--context-length", "100")
	const object = `"object":"error"`
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		says               []string
	}{
		"no JSON":                  {"POST", "/generate", `{"text": `, 400, []string{object, `"code":400`, `"type":"Bad Request"`, "json_invalid", "JSON decode error"}},
		"no object":                {"POST", "/generate", `3`, 400, []string{object, "model_attributes_type"}},
		"no text":                  {"POST", "/generate", `{}`, 400, []string{`{"error":{"message":"At least one of text, input_ids, or image should be provided"}}`}},
		"too much":                 {"POST", "/generate", `{"text":"a","sampling_params":{"max_new_tokens":100}}`, 400, []string{`{"error":{"message":"Requested token count exceeds the model's maximum context length of 100 tokens.`}},
		"no model":                 {"POST", "/v1/completions", `{"prompt":"a"}`, 400, []string{object, "'type': 'missing', 'loc': ('body', 'model')"}},
		"no messages":              {"POST", "/v1/chat/completions", `{"model":"m"}`, 400, []string{"'loc': ('body', 'messages')"}},
		"no tokens":                {"POST", "/v1/completions", `{"model":"m","prompt":"a","max_tokens":0}`, 400, []string{"Value error, max_tokens must be positive"}},
		"too much for the OpenAIs": {"POST", "/v1/completions", `{"model":"m","prompt":"a","max_tokens":100}`, 400, []string{object, `"type":"BadRequestError"`, "maximum context length of 100 tokens"}},
		"a prompt too long":        {"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("a ", 100) + `"}]}`, 400, []string{"is longer than the model's context length (100 tokens)."}},
		"no such route":            {"GET", "/v2", "", 404, []string{`{"detail":"Not Found"}`}},
		"another method":           {"GET", "/generate", "", 405, []string{`{"detail":"Method Not Allowed"}`}},
		"load":                     {"GET", "/get_load", "", 500, []string{"Internal Server Error"}},
		"metrics, not asked for":   {"GET", "/metrics", "", 404, nil},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := call(t, tc.method, url+tc.path, tc.body)
			assert.Equal(t, tc.status, status, body)
			for _, text := range tc.says {
				assert.Contains(t, body, text)
			}
		})
	}
	status, body := call(t, "POST", url+"/v1/completions", `{"model":"m","prompt":"a"}`, "Content-Type", "text/plain")
	assert.Equal(t, 400, status)
	assert.Contains(t, body, "Unsupported Media Type: Only 'application/json' is allowed")
}

func TestGenerateAcceptsTextsTokensAndStreams(t *testing.T) {
	_, url := newServer(t)
	status, body := call(t, "POST", url+"/generate", `{"text":"hello","sampling_params":{"max_new_tokens":3}}`)
	assert.Equal(t, 200, status)
	var one struct {
		Text string         `json:"text"`
		IDs  []int          `json:"output_ids"`
		Meta map[string]any `json:"meta_info"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &one))
	assert.Len(t, one.IDs, 3)
	assert.EqualValues(t, 1, one.Meta["prompt_tokens"])

	_, body = call(t, "POST", url+"/generate", `{"text":["hello","you"],"return_logprob":true,"sampling_params":{"max_new_tokens":2}}`)
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	require.Len(t, list, 2)
	assert.Len(t, list[0]["meta_info"].(map[string]any)["output_token_logprobs"], 2)

	status, body = call(t, "POST", url+"/generate", `{"input_ids":[1,2,3],"stream":true,"sampling_params":{"max_new_tokens":2}}`)
	assert.Equal(t, 200, status)
	events := strings.Split(strings.TrimSpace(body), "\n\n")
	require.Len(t, events, 3)
	assert.Contains(t, events[1], `"prompt_tokens":3`)
	assert.Equal(t, "data: [DONE]", events[2])
}

func TestTheServersInfoHasTheRealFields(t *testing.T) {
	_, url := newServer(t, "--enable-metrics", "true", "--mem-fraction-static", "0.88", "--tokenizer-path", "/cache/t")
	_, _ = call(t, "POST", url+"/generate", `{"text":"hello","sampling_params":{"max_new_tokens":3}}`)
	status, body := call(t, "GET", url+"/get_server_info", "")
	require.Equal(t, 200, status)
	var info struct {
		Tokenizer string           `json:"tokenizer_path"`
		TP        int              `json:"tp_size"`
		States    []map[string]any `json:"internal_states"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &info))
	assert.Equal(t, "/cache/t", info.Tokenizer)
	assert.Equal(t, 8, info.TP)
	require.Len(t, info.States, 1)
	state := info.States[0]
	assert.NotContains(t, state, "load", "for which /get_load looks")
	assert.EqualValues(t, 3, state["num_generated_tokens"])
	for _, field := range []string{"last_gen_throughput", "waiting_queue_size", "running_batch_size", "prefill_decode_size", "available_kv_tokens", "available_kv_tokens_per_dp", "req_to_token_pool_used"} {
		assert.Contains(t, state, field)
	}
	// 96 GiB x 0.88 minus an eighth of 61 GiB, with 32 KiB per token.
	assert.InDelta(t, 2.5e6, state["memory_usage"].(map[string]any)["token_capacity"], 0.1e6)

	status, body = call(t, "GET", url+"/metrics", "")
	assert.Equal(t, 200, status)
	for line := range strings.Lines(body) {
		assert.Regexp(t, `^(# (HELP|TYPE) )?pd_`, line, "prefill and decode alone")
	}
}

func TestAnotherTokenizerIsAnotherAnswerAndAnotherTemplateAnotherPrompt(t *testing.T) {
	s, url := newServer(t)
	const chat = `{"model":"m","messages":[{"role":"user","content":"hello"}],"max_tokens":3}`
	_, first := call(t, "POST", url+"/generate", `{"text":"hello"}`)
	_, firstChat := call(t, "POST", url+"/v1/chat/completions", chat)
	r, _ := hub.Lookup(coder)
	s.tokenizer = &tokenizer{key: "other", template: r.ChatTemplate(r.Commit("previous"))}
	_, second := call(t, "POST", url+"/generate", `{"text":"hello"}`)
	_, secondChat := call(t, "POST", url+"/v1/chat/completions", chat)
	text := func(body string) (text string, prompt int) {
		var parsed struct {
			Text  string `json:"text"`
			Usage struct {
				Prompt int `json:"prompt_tokens"`
			} `json:"usage"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &parsed))
		return parsed.Text, parsed.Usage.Prompt
	}
	one, _ := text(first)
	two, _ := text(second)
	assert.NotEqual(t, one, two)
	_, with := text(firstChat)
	_, without := text(secondChat)
	assert.Equal(t, without+1, with)
}
