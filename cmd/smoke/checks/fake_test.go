package checks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sglang-tpu/cmd/internal/process"
	"sglang-tpu/spec/names"
)

const (
	key   = "sk-that-nobody-may-print"
	model = "org/model"
)

// fake is a machine with a deployed stack of 2 replicas of 2 hosts. Tests change it.
type fake struct {
	outputs  map[string]any
	pods     []corev1.Pod
	ready    []bool // of the Service's endpoints
	secret   map[string][]byte
	failing  map[string]error // by a part of the command
	server   *modelServer
	commands []string
	open     int // port-forwards that have not been stopped
}

func pod(group, rank int) corev1.Pod {
	name := fmt.Sprintf("set-%d", group)
	if rank > 0 {
		name += fmt.Sprintf("-%d", rank)
	}
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			names.SetLabel: "set", names.GroupLabel: fmt.Sprint(group), names.WorkerLabel: fmt.Sprint(rank),
		}},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
}

func healthy(t *testing.T) *fake {
	t.Helper()
	s := &modelServer{model: model, key: key, misses: []int{0}, routes: map[string]http.HandlerFunc{}}
	s.http = httptest.NewServer(s)
	t.Cleanup(s.http.Close)
	return &fake{
		outputs: map[string]any{
			"kubeconfig": "{}", "namespace": "sglang", "leaderWorkerSet": "set", "service": "leaders", "apiKeySecret": "the-key", "replicas": 2,
			"plan": map[string]any{"model": model, "hosts": 2},
		},
		pods:    []corev1.Pod{pod(0, 0), pod(0, 1), pod(1, 0), pod(1, 1)},
		ready:   []bool{true, true},
		secret:  map[string][]byte{"api_key": []byte(key)},
		failing: map[string]error{},
		server:  s,
	}
}

func (f *fake) failure(command []string) error {
	line := strings.Join(command, " ")
	f.commands = append(f.commands, line)
	for part, err := range f.failing {
		if strings.Contains(line, part) {
			return err
		}
	}
	return nil
}

func (f *fake) Run(_ context.Context, command ...string) ([]byte, error) {
	if err := f.failure(command); err != nil {
		return nil, err
	}
	line := strings.Join(command, " ")
	switch {
	case strings.HasPrefix(line, "pulumi stack output"):
		return json.Marshal(f.outputs)
	case strings.Contains(line, " pods "):
		return json.Marshal(corev1.PodList{Items: f.pods})
	case strings.Contains(line, " endpointslices "):
		var slice discoveryv1.EndpointSlice
		for i, ready := range f.ready {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{fmt.Sprintf("10.0.0.%d", i)}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			})
		}
		return json.Marshal(discoveryv1.EndpointSliceList{Items: []discoveryv1.EndpointSlice{slice}})
	case strings.HasSuffix(line, " secret the-key"):
		return json.Marshal(corev1.Secret{Data: f.secret})
	}
	return nil, errors.New("an unexpected command: " + line)
}

func (f *fake) Save(string) (string, error) { return "/tmp/kubeconfig", f.failing["save"] }

func (f *fake) Forward(_ context.Context, command ...string) (string, func(), error) {
	if err := f.failure(command); err != nil {
		return "", nil, err
	}
	f.open++
	return strings.TrimPrefix(f.server.http.URL, "http://"), func() { f.open-- }, nil
}

// stderr returns the error of a command that fails with a message.
func stderr(text string) error { return &process.Error{Stderr: text} }

// modelServer emulates sglang-jax.
type modelServer struct {
	http   *httptest.Server
	model  string
	key    string                      // required API key; empty for none
	misses []int                       // cache_miss_count of the steps of all requests but the first; nil if not reported
	routes map[string]http.HandlerFunc // replace the default handlers
	asked  int                         // number of streaming requests to /generate
}

func (s *modelServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.key != "" && r.Header.Get("Authorization") != "Bearer "+s.key {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"Unauthorized"}`)
		return
	}
	// net/http reports a closed connection only after the body was read.
	text, _ := io.ReadAll(r.Body)
	if own := s.routes[r.URL.Path]; own != nil {
		r.Body = io.NopCloser(bytes.NewReader(text))
		own(w, r)
		return
	}
	var in struct {
		Stream bool `json:"stream"`
	}
	_ = json.Unmarshal(text, &in)
	switch path := r.URL.Path; {
	case path == "/v1/models":
		fmt.Fprintf(w, `{"object":"list","data":[{"id":%q}]}`, s.model)
	case path == "/get_model_info":
		fmt.Fprintf(w, `{"model_path":%q,"is_generation":true}`, s.model)
	case path == "/v1/chat/completions" && in.Stream:
		stream(w, `{"choices":[{"delta":{"role":"assistant","content":""}}]}`, `{"choices":[{"delta":{"content":"Hel"}}]}`, `{"choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}]}`, "[DONE]")
	case path == "/v1/chat/completions":
		fmt.Fprint(w, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"completion_tokens":2}}`)
	case path == "/generate" && in.Stream:
		events := []string{`{"text":" Paris","meta_info":{"completion_tokens":1,"cache_miss_count":7}}`, "[DONE]"} // the first may compile
		if s.asked++; s.asked > 1 {
			events = nil
			for _, n := range s.misses {
				events = append(events, fmt.Sprintf(`{"text":" Paris","meta_info":{"completion_tokens":1,"cache_miss_count":%d}}`, n))
			}
			if s.misses == nil {
				events = append(events, `{"text":" Paris","meta_info":{"completion_tokens":1}}`)
			}
			events = append(events, "[DONE]")
		}
		stream(w, events...)
	case path == "/generate":
		fmt.Fprint(w, `{"text":" there","meta_info":{"completion_tokens":1}}`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func stream(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	for _, e := range events {
		fmt.Fprintf(w, "data: %s\n\n", e)
	}
	w.(http.Flusher).Flush()
}

// find returns the findings by check.
func (f *fake) find(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, finding := range All(t.Context(), f, "mine", 2*time.Second) {
		assert.NotContains(t, found, finding.Check, "one line for each check")
		found[finding.Check] = string(finding.Status) + " " + finding.Says + " | " + finding.Do
		assert.NotContains(t, finding.Says+finding.Do, key)
		assert.NotContains(t, finding.Says, "\n")
	}
	assert.Zero(t, f.open, "port-forwards are stopped")
	return found
}
