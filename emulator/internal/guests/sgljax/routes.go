package sgljax

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/ptr"
)

// handler serves the routes of entrypoints/http_server.py that deployments use. Ranks other
// than the first have only two (launch_dummy_health_check_server).
func (s *server) handler() http.Handler {
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	routes := map[string]http.HandlerFunc{"GET /health": ok, "GET /health_generate": ok}
	if s.world.rank == 0 {
		maps.Copy(routes, map[string]http.HandlerFunc{
			"GET /health_generate": s.healthGenerate, "GET /ping": ok, "POST /generate": s.postGenerate, "PUT /generate": s.postGenerate,
			"POST /v1/completions": s.postCompletions, "POST /v1/chat/completions": s.postChat, "GET /v1/models": s.getModels,
			"GET /get_model_info": s.getModelInfo, "GET /get_server_info": s.getServerInfo, "GET /get_load": s.getLoad,
		})
		if s.args["--enable-metrics"] != "" {
			routes["GET /metrics"] = getMetrics
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if !s.admitted(r) {
			write(w, http.StatusUnauthorized, map[string]string{"error": "Unauthorized"})
			return
		}
		if id, ok := strings.CutPrefix(path, "/v1/models/"); ok && r.Method == http.MethodGet && s.world.rank == 0 {
			s.getModel(w, id)
			return
		}
		if handle, ok := routes[r.Method+" "+path]; ok {
			handle(w, r)
			return
		}
		for route := range routes {
			if strings.HasSuffix(route, " "+path) {
				write(w, http.StatusMethodNotAllowed, map[string]string{"detail": "Method Not Allowed"})
				return
			}
		}
		write(w, http.StatusNotFound, map[string]string{"detail": "Not Found"})
	})
}

// admitted implements add_api_key_middleware in utils/common_utils.py.
func (s *server) admitted(r *http.Request) bool {
	key := s.args["--api-key"]
	return key == "" || s.world.rank > 0 || r.Method == http.MethodOptions || strings.HasPrefix(r.URL.Path, "/health") ||
		strings.HasPrefix(r.URL.Path, "/metrics") || r.Header.Get("Authorization") == "Bearer "+key
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // it fails only if the client has disconnected
}

// failure returns an ErrorResponse (entrypoints/openai/protocol.py).
func failure(status int, kind, message string) map[string]any {
	return map[string]any{"object": "error", "message": message, "type": kind, "param": nil, "code": status}
}

// invalid writes the error for an invalid request, with status 400 instead of FastAPI's 422
// (validation_exception_handler in http_server.py).
func invalid(w http.ResponseWriter, errs ...string) {
	write(w, http.StatusBadRequest, failure(http.StatusBadRequest, "Bad Request", "["+strings.Join(errs, ", ")+"]"))
}

// decode reads a body like FastAPI. If it is invalid or lacks a required field, decode writes
// the error and returns false.
func decode(w http.ResponseWriter, r *http.Request, into any, required ...string) bool {
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		return false // the client has disconnected
	}
	var given map[string]json.RawMessage
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(body.Bytes(), &given); {
	case errors.As(err, &syntax):
		invalid(w, fmt.Sprintf("{'type': 'json_invalid', 'loc': ('body', %d), 'msg': 'JSON decode error', 'input': {}, 'ctx': {'error': '%s'}}",
			max(0, syntax.Offset-1), strings.ReplaceAll(syntax.Error(), "'", `"`)))
		return false
	case err != nil:
		invalid(w, "{'type': 'model_attributes_type', 'loc': ('body',), 'msg': 'Input should be a valid dictionary or object to extract fields from'}")
		return false
	}
	var missing []string
	for _, name := range required {
		if _, ok := given[name]; !ok {
			missing = append(missing, fmt.Sprintf("{'type': 'missing', 'loc': ('body', '%s'), 'msg': 'Field required'}", name))
		}
	}
	if len(missing) > 0 {
		invalid(w, missing...)
		return false
	}
	var wrong *json.UnmarshalTypeError
	if err := json.Unmarshal(body.Bytes(), into); errors.As(err, &wrong) {
		invalid(w, fmt.Sprintf("{'type': 'type_error', 'loc': ('body', '%s'), 'msg': 'Input should be a valid %s'}", wrong.Field, wrong.Type))
		return false
	}
	return true
}

// isJSON implements validate_json_request, which only the OpenAI routes use.
func isJSON(w http.ResponseWriter, r *http.Request) bool {
	media, _, _ := strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
	if media == "application/json" {
		return true
	}
	invalid(w, `{'loc': ['header', 'content-type'], 'msg': "Unsupported Media Type: Only 'application/json' is allowed", 'type': 'value_error'}`)
	return false
}

// events is a stream of server-sent events. It is safe for concurrent use.
type events struct {
	mu sync.Mutex
	w  http.ResponseWriter
}

func newEvents(w http.ResponseWriter) *events {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	return &events{w: w}
}

func (e *events) send(v any) {
	text, ok := v.(string)
	if !ok {
		encoded, err := json.Marshal(v)
		if err != nil {
			panic(err) // impossible for strings, numbers and lists
		}
		text = string(encoded)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	fmt.Fprintf(e.w, "data: %s\n\n", text)
	if f, ok := e.w.(http.Flusher); ok {
		f.Flush()
	}
}

// all generates the completions of several requests concurrently.
func (s *server) all(ctx context.Context, requests []request, show func(index int, before, now result)) ([]result, error) {
	results, errs := make([]result, len(requests)), make([]error, len(requests))
	var group sync.WaitGroup
	for i, r := range requests {
		group.Go(func() {
			results[i], errs[i] = s.generate(ctx, r, func(before, now result) {
				if show != nil {
					show(i, before, now)
				}
			})
		})
	}
	group.Wait()
	return results, errors.Join(errs...)
}

// texts reads one or several prompts, each a text or a list of tokens.
func texts(v any) (prompts []string, single bool) {
	list, ok := v.([]any)
	if !ok {
		text, ok := v.(string)
		if !ok {
			return nil, true
		}
		return []string{text}, true
	}
	if len(list) == 0 {
		return nil, false
	}
	if _, number := list[0].(float64); number {
		return []string{strings.Trim(fmt.Sprint(list...), "[]")}, true
	}
	for _, one := range list {
		prompts = append(prompts, strings.Trim(fmt.Sprint(one), "[]"))
	}
	return prompts, false
}

// oneOrMore is a string or a list of strings.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(o))
}

// ask is the body of /generate (managers/io_struct.py, GenerateReqInput).
type ask struct {
	Text     any  `json:"text"`
	InputIDs any  `json:"input_ids"`
	Stream   bool `json:"stream"`
	Logprobs any  `json:"return_logprob"` // true, or a list of them
	Output   bool `json:"return_output_logprob_only"`
	Sampling struct {
		MaxNewTokens *int      `json:"max_new_tokens"`
		Stop         oneOrMore `json:"stop"`
		N            int       `json:"n"`
	} `json:"sampling_params"`
}

func (s *server) postGenerate(w http.ResponseWriter, r *http.Request) {
	var in ask
	if !decode(w, r, &in) {
		return
	}
	refuse := func(message string) {
		write(w, http.StatusBadRequest, map[string]any{"error": map[string]string{"message": message}})
	}
	what := in.Text
	switch {
	case in.Text == nil && in.InputIDs == nil:
		refuse("At least one of text, input_ids, or image should be provided")
		return
	case in.Text != nil && in.InputIDs != nil:
		refuse("text and input_ids cannot be provided at the same time")
		return
	case what == nil:
		what = in.InputIDs
	}
	limit := ptr.Deref(in.Sampling.MaxNewTokens, 128)
	logprobs := in.Output || strings.Contains(fmt.Sprint(in.Logprobs), "true")
	prompts, single := texts(what)
	var requests []request
	for _, p := range prompts {
		for sample := range max(1, in.Sampling.N) {
			requests = append(requests, request{prompt: p, limit: &limit, stop: in.Sampling.Stop, logprobs: logprobs, sample: sample})
		}
	}
	if in.Stream {
		stream := newEvents(w)
		_, err := s.all(r.Context(), requests, func(i int, _, so result) {
			answer := so.native(logprobs)
			if len(requests) > 1 {
				answer["index"] = i
			}
			stream.send(answer)
		})
		if err != nil {
			stream.send(map[string]any{"error": map[string]string{"message": err.Error()}})
		}
		stream.send("[DONE]")
		return
	}
	results, err := s.all(r.Context(), requests, nil)
	var bad badRequest
	switch {
	case errors.As(err, &bad):
		refuse(err.Error())
	case err != nil: // the client has disconnected
	case single && len(results) == 1:
		write(w, http.StatusOK, results[0].native(logprobs))
	default:
		answers := []any{}
		for _, so := range results {
			answers = append(answers, so.native(logprobs))
		}
		write(w, http.StatusOK, answers)
	}
}

func now() int64 { return time.Now().Unix() }
