package sgljax

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

// server is one rank's HTTP side.
type server struct {
	args      arguments
	world     *world
	scheduler *exec.Cmd
	dead      atomic.Bool // the scheduler
	requests  atomic.Int64
}

func (s *server) start(m *machine) error {
	address := m.listen
	if host := s.args["--host"]; host == "" || host == "127.0.0.1" || host == "localhost" {
		// The default host is the pod's own loopback, where no probe and no Service can
		// reach it; nothing here can either.
		address = "127.0.0.1"
	}
	port := s.args.number("--port", 30000)
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", address, port))
	if err != nil {
		return fmt.Errorf("OSError: [Errno 98] error while attempting to bind on address ('%s', %d): address already in use", s.args["--host"], port)
	}
	go func() {
		err := s.scheduler.Wait()
		s.dead.Store(true)
		say("scheduler process ended: %v", err) // and that is all it does about it
	}()
	if s.world.rank > 0 {
		go s.world.serve(s.seed())
	} else {
		go s.world.heartbeat(s.seed(), time.Second)
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends with the process
	say("Uvicorn running on http://%s:%d", s.args["--host"], port)
	return nil
}

func (s *server) seed() string { return s.args["--random-seed"] }

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	mux.HandleFunc("GET /health", ok)
	if s.world.rank > 0 {
		mux.HandleFunc("GET /health_generate", ok)
		return mux
	}
	mux.HandleFunc("GET /health_generate", s.healthGenerate)
	mux.Handle("POST /generate", s.guarded(s.generate))
	mux.Handle("GET /get_model_info", s.guarded(func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]any{"model_path": s.args["--model-path"], "is_generation": true})
	}))
	mux.Handle("GET /v1/models", s.guarded(func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]any{"object": "list", "data": []any{map[string]string{"id": s.name(), "object": "model", "owned_by": "sglang"}}})
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusNotFound, map[string]string{"detail": "Not Found"})
	})
	return mux
}

func (s *server) name() string {
	if n := s.args["--served-model-name"]; n != "" {
		return n
	}
	return s.args["--model-path"]
}

// guarded wants the API key, if there is one.
func (s *server) guarded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key := s.args["--api-key"]; key != "" && r.Header.Get("Authorization") != "Bearer "+key {
			write(w, http.StatusUnauthorized, map[string]string{"error": "Unauthorized"})
			return
		}
		next(w, r)
	})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that went away is its own business
}

// healthGenerate makes one token.
func (s *server) healthGenerate(w http.ResponseWriter, _ *http.Request) {
	if s.dead.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if _, err := s.world.token(s.seed(), "health", 0); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// ask is the body of /generate. Text is one prompt or a list of them.
type ask struct {
	Text     any `json:"text"`
	Sampling struct {
		MaxNewTokens *int `json:"max_new_tokens"`
	} `json:"sampling_params"`
}

func (s *server) generate(w http.ResponseWriter, r *http.Request) {
	var in ask
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		write(w, http.StatusUnprocessableEntity, map[string]string{"detail": err.Error()})
		return
	}
	limit := 128
	if in.Sampling.MaxNewTokens != nil {
		limit = *in.Sampling.MaxNewTokens
	}
	switch prompts := in.Text.(type) {
	case string:
		s.reply(w, func() (any, error) { return s.complete(prompts, limit) })
	case []any:
		s.reply(w, func() (any, error) {
			answers := []any{}
			for _, p := range prompts {
				answer, err := s.complete(fmt.Sprint(p), limit)
				if err != nil {
					return nil, err
				}
				answers = append(answers, answer)
			}
			return answers, nil
		})
	default:
		write(w, http.StatusBadRequest, map[string]any{"error": map[string]string{"message": "Either text, input_ids or input_embeds should be provided."}})
	}
}

func (s *server) reply(w http.ResponseWriter, make func() (any, error)) {
	answer, err := make()
	if s.dead.Load() || err != nil {
		write(w, http.StatusServiceUnavailable, map[string]any{"error": map[string]string{"message": fmt.Sprint("the scheduler does not answer: ", err)}})
		return
	}
	write(w, http.StatusOK, answer)
}

// complete makes tokens one after another, each over all ranks.
func (s *server) complete(prompt string, limit int) (any, error) {
	began := time.Now()
	var words []string
	for i := range limit {
		word, err := s.world.token(s.seed(), prompt, i)
		if err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return map[string]any{
		"text": " " + strings.Join(words, " "),
		"meta_info": map[string]any{
			"id":            fmt.Sprintf("%032x", s.requests.Add(1)),
			"prompt_tokens": len(strings.Fields(prompt)), "completion_tokens": len(words),
			"finish_reason": map[string]any{"type": "length", "length": limit},
			"e2e_latency":   time.Since(began).Seconds(),
		},
	}, nil
}
