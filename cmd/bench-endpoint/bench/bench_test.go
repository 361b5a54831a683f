package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sglang-tpu/cmd/internal/process"
	"sglang-tpu/cmd/internal/report"
	"sglang-tpu/spec/names"
)

const key = "sk-that-nobody-may-print"

// fake is a machine with a deployed stack of 2 groups of one host. Tests change it.
type fake struct {
	t        *testing.T
	outputs  map[string]any
	pods     []corev1.Pod
	node     corev1.Node
	failing  map[string]error // by a substring of the command
	serve    http.HandlerFunc // handles /generate
	forwards []string         // targets of port-forwards
	open     int              // port-forwards that are not stopped

	mu      sync.Mutex
	prompts []string
	atOnce  int // requests now, and the most there were
	most    int
}

func ready(group int) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("set-%d", group), Labels: map[string]string{names.WorkerLabel: "0"}},
		Spec:       corev1.PodSpec{NodeName: "host"},
		Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}

func healthy(t *testing.T) *fake {
	f := &fake{
		t: t,
		outputs: map[string]any{
			"kubeconfig": "{}", "namespace": "sglang", "leaderWorkerSet": "set", "service": "leaders", "apiKeySecret": "the-key", "replicas": 2,
			"image": "registry/server:1", "plan": map[string]any{"model": "org/model", "topology": "2x2x1", "hosts": 1, "requestsCap": 8, "requestsAtOnce": 2, "kvPoolTokens": 60},
		},
		pods: []corev1.Pod{ready(0), ready(1)},
		node: corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{corev1.LabelInstanceTypeStable: "tpu7x-standard-4t"}},
			Status:     corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{OSImage: "some system"}},
		},
		failing: map[string]error{},
	}
	f.serve = f.answer
	return f
}

func (f *fake) failure(line string) error {
	for part, err := range f.failing {
		if strings.Contains(line, part) {
			return err
		}
	}
	return nil
}

func (f *fake) Run(_ context.Context, command ...string) ([]byte, error) {
	line := strings.Join(command, " ")
	if err := f.failure(line); err != nil {
		return nil, err
	}
	switch {
	case strings.HasPrefix(line, "pulumi stack output"):
		return json.Marshal(f.outputs)
	case strings.HasPrefix(line, "git describe"):
		return []byte("abc1234\n"), nil
	case strings.Contains(line, " pods -l "+names.SetLabel+"=set"):
		return json.Marshal(corev1.PodList{Items: f.pods})
	case strings.HasSuffix(line, " node host"):
		return json.Marshal(f.node)
	case strings.HasSuffix(line, " secret the-key"):
		return json.Marshal(corev1.Secret{Data: map[string][]byte{"api_key": []byte(key)}})
	}
	return nil, errors.New("an unexpected command: " + line)
}

func (f *fake) Save(string) (string, error) { return "/tmp/kubeconfig", nil }

func (f *fake) Forward(_ context.Context, command ...string) (string, func(), error) {
	if err := f.failure(strings.Join(command, " ")); err != nil {
		return "", nil, err
	}
	f.forwards = append(f.forwards, command[len(command)-2])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(w, r) }))
	f.open++
	return strings.TrimPrefix(server.URL, "http://"), func() { server.Close(); f.open-- }, nil
}

// answer streams the requested number of tokens.
func (f *fake) answer(w http.ResponseWriter, r *http.Request) {
	assert.Equal(f.t, "Bearer "+key, r.Header.Get("Authorization"))
	var in struct {
		InputIDs []int `json:"input_ids"`
		Stream   bool  `json:"stream"`
		Sampling struct {
			Tokens int  `json:"max_new_tokens"`
			Ignore bool `json:"ignore_eos"`
		} `json:"sampling_params"`
	}
	assert.NoError(f.t, json.NewDecoder(r.Body).Decode(&in))
	assert.True(f.t, in.Stream && in.Sampling.Ignore)
	f.mu.Lock()
	f.prompts = append(f.prompts, fmt.Sprint(in.InputIDs))
	f.atOnce++
	f.most = max(f.most, f.atOnce)
	f.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	for n := range in.Sampling.Tokens {
		time.Sleep(5 * time.Millisecond)
		fmt.Fprintf(w, "data: {\"meta_info\":{\"prompt_tokens\":%d,\"cached_tokens\":0,\"completion_tokens\":%d}}\n\n", len(in.InputIDs), n+1)
		w.(http.Flusher).Flush()
	}
	f.mu.Lock()
	f.atOnce--
	f.mu.Unlock()
	fmt.Fprint(w, "data: [DONE]\n\n")
}

func options(t *testing.T) Options {
	return Options{
		StackName: "mine", Levels: []int{1, 4}, Load: Load{InputTokens: 7, OutputTokens: 3, Rounds: 2, Seed: 1},
		Patience: 5 * time.Second, Folder: filepath.Join(t.TempDir(), "runs"), Now: time.Date(2026, 11, 27, 21, 0, 0, 0, time.UTC),
	}
}

func (f *fake) measure(o Options) (findings []report.Finding, text string) {
	findings = Measure(f.t.Context(), f, o, func(string) {})
	assert.Zero(f.t, f.open, "port-forwards are stopped")
	text = fmt.Sprint(findings)
	assert.NotContains(f.t, text, key)
	return findings, text
}

func (o Options) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.Folder, name))
	require.NoError(t, err)
	return string(text)
}

func TestARunIsMeasuredAndSaved(t *testing.T) {
	f, o := healthy(t), options(t)
	findings, text := f.measure(o)
	for _, finding := range findings {
		assert.Equal(t, report.OK, finding.Status, text)
	}
	assert.Equal(t, []string{"pod/set-0", "pod/set-1"}, f.forwards, "each group has its share")
	assert.Equal(t, 4, f.most, "no more at once than the level says, and as many")
	assert.Len(t, f.prompts, 1+2+4+8, "a round of each level is not counted")
	seen := map[string]bool{}
	for _, p := range f.prompts {
		assert.False(t, seen[p], "two prompts are alike, and the second would come from the prefix cache")
		seen[p] = true
	}
	runs, err := history(o.Folder)
	require.NoError(t, err)
	require.Len(t, runs, 1)
	r := runs[0]
	assert.Equal(t, "tpu7x-standard-4t (some system)", r.Nodes)
	assert.Equal(t, "abc1234", r.Program)
	assert.Equal(t, "registry/server:1", r.Image)
	require.Len(t, r.Levels, 2)
	one, four := r.Levels[0], r.Levels[1]
	assert.Equal(t, []int{2, 0, 8, 0}, []int{one.Requests, one.Failed, four.Requests, four.Failed})
	for _, l := range r.Levels {
		assert.InDelta(t, l.OutputPerSecond*7/3, l.InputPerSecond, 1e-6)
		assert.GreaterOrEqual(t, l.FirstToken.P50, 5.0)
		assert.Positive(t, l.EachToken.P50) // less than 5 ms where the first token was read late
		assert.GreaterOrEqual(t, l.Whole.P50, 15.0)
	}
	assert.Less(t, one.OutputPerSecond, 1000/5.0, "a token takes 5 ms")
	table := o.read(t, tableName)
	assert.Contains(t, table, "# Benchmark of mine on tpu7x-standard-4t (some system)\n")
	assert.Contains(t, table, "a group admits 8 requests at once, and its KV pool holds 60 tokens, which is 6 requests of this load. So 12 requests of this load run at once in 2 group(s), or 4 requests of full length; more requests wait.")
	assert.Contains(t, table, "None of 0 earlier runs")
	assert.Contains(t, o.read(t, plotName), "some system")
}

func TestTheNextRunIsComparedWithTheLast(t *testing.T) {
	f, o := healthy(t), options(t)
	f.measure(o)
	o.Now, o.Load.Seed = o.Now.Add(time.Hour), 2
	f.outputs["image"] = "registry/server:2"
	f.measure(o)
	table := o.read(t, tableName)
	assert.Contains(t, table, "The last run was on 2026-11-27 21:00 UTC, with image `registry/server:1`")
	assert.Regexp(t, `\| 4 \| [+-]\d+% \| [+-]\d+% \| [+-]\d+% \| [+-]\d+% \| [+-]\d+% \|`, table)
	assert.Contains(t, o.read(t, plotName), "last run")

	o.Now = o.Now.Add(time.Hour)
	f.node.Status.NodeInfo.OSImage = "another system"
	f.measure(o)
	table = o.read(t, tableName)
	assert.Contains(t, table, "None of 2 earlier runs has the same stack, nodes", "other hardware is no progress")
	assert.Equal(t, 3, strings.Count(table[strings.Index(table, "## History"):], "registry/server:"), "all are listed")
}

func TestRequestsThatFailAreCountedAndNamed(t *testing.T) {
	for name, c := range map[string]struct {
		serve    http.HandlerFunc
		says, do string
	}{
		"a server that fails": {
			func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "out of memory of "+key, http.StatusInternalServerError)
			},
			"2 of 2 requests failed; the most frequent error: the server answers 500 Internal Server Error: out of memory of (the API key)", "kubectl -n sglang logs",
		},
		"a wrong key": {
			func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Unauthorized", http.StatusUnauthorized) },
			"401 Unauthorized", "delete pod -l",
		},
		"an answer that is too short": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				fmt.Fprint(w, "data: {\"meta_info\":{\"completion_tokens\":1}}\n\ndata: [DONE]\n\n")
			},
			"an answer has 1 tokens instead of 3", "logs",
		},
		"a stream that breaks off": {
			func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/event-stream") },
			"the stream ends without [DONE]", "logs",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, o := healthy(t), options(t)
			f.serve = c.serve
			findings, text := f.measure(o)
			assert.Contains(t, text, c.says)
			assert.Contains(t, text, c.do)
			assert.Equal(t, 1, report.Print(&strings.Builder{}, findings), "the command fails")
			table := o.read(t, tableName)
			assert.Contains(t, table, "| 1 | 2 | 2 | - | - |")
			assert.Contains(t, table, "- 1 at once, 2 times: ")
			assert.NotContains(t, table, key)
		})
	}
}

func TestNothingIsMeasuredIfTheEndpointIsIncomplete(t *testing.T) {
	for name, c := range map[string]struct {
		fault    func(*fake, *Options)
		says, do string
	}{
		"no stack": {func(f *fake, _ *Options) {
			f.failing["pulumi"] = &process.Error{Stderr: "error: no stack named 'mine'"}
		}, "no stack named 'mine'", "pulumi stack ls"},
		"no cluster":         {func(f *fake, _ *Options) { f.failing[" pods "] = &process.Error{Stderr: "i/o timeout"} }, "i/o timeout", "make doctor STACK=mine"},
		"a group is missing": {func(f *fake, _ *Options) { f.pods = f.pods[:1] }, "1 of 2 pods are ready", "make smoke STACK=mine"},
		"a pod is not ready": {func(f *fake, _ *Options) { f.pods[1].Status.Conditions = nil }, "1 of 2 pods are ready", "make smoke STACK=mine"},
		"nodes may not be read": {
			func(f *fake, _ *Options) { f.failing[" node "] = &process.Error{Stderr: "Forbidden"} },
			"the node of a leader cannot be read: Forbidden", "roles/container.viewer",
		},
		"no key":          {func(f *fake, _ *Options) { f.failing["secret"] = &process.Error{Stderr: "not found"} }, "cannot be read: not found", "get secret the-key"},
		"no port-forward": {func(f *fake, _ *Options) { f.failing["pod/set-1"] = &process.Error{Stderr: "refused"} }, "set-1: refused", "make smoke STACK=mine"},
		"a folder with other files": {
			func(f *fake, o *Options) {
				require.NoError(f.t, os.MkdirAll(o.Folder, 0o755))
				require.NoError(f.t, os.WriteFile(filepath.Join(o.Folder, "x.json"), []byte("no"), 0o644))
			},
			"x.json is not a saved run of this program", "-folder",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, o := healthy(t), options(t)
			c.fault(f, &o)
			findings, text := f.measure(o)
			last := findings[len(findings)-1]
			assert.Equal(t, report.Failed, last.Status, text)
			assert.Contains(t, last.Says, c.says)
			assert.Contains(t, last.Do, c.do)
			assert.Empty(t, f.prompts)
		})
	}
}

func TestAServerThatCanBeReachedNeedsNoPortForward(t *testing.T) {
	f, o := healthy(t), options(t)
	server := httptest.NewServer(http.HandlerFunc(f.answer))
	defer server.Close()
	o.URL = server.URL + "/"
	_, text := f.measure(o)
	assert.Empty(t, f.forwards)
	assert.NotContains(t, text, "FAILED")
	assert.Contains(t, o.read(t, tableName), "Requests went through "+server.URL+"/.")
}

func TestThePlanIsDrawnIfTheLoadReachesIt(t *testing.T) {
	r := Run{Replicas: 1, Load: Load{InputTokens: 7, OutputTokens: 3}}
	r.Plan.RequestsCap, r.Plan.KVPoolTokens = 8, 60
	for _, n := range []int{2, 4} {
		r.Levels = append(r.Levels, Level{AtOnce: n, Requests: 4, OutputPerSecond: 10})
	}
	below, err := picture(r, nil)
	require.NoError(t, err)
	assert.NotContains(t, string(below), "the plan")
	r.Levels[1].AtOnce = 16
	beyond, err := picture(r, &Run{Levels: []Level{{AtOnce: 1, Requests: 1, OutputPerSecond: 5}}})
	require.NoError(t, err)
	assert.Contains(t, string(beyond), "the plan: 6 run at once")
	assert.NotContains(t, string(beyond), "last run", "of a level that this run does not have")
}

func TestAnInterruptedRunIsNotSaved(t *testing.T) {
	f, o := healthy(t), options(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.serve = func(w http.ResponseWriter, r *http.Request) { cancel(); f.answer(w, r) }
	text := fmt.Sprint(Measure(ctx, f, o, func(string) {}))
	assert.Contains(t, text, "interrupted: this run is not saved")
	assert.NoDirExists(t, o.Folder)
}

func TestPercentilesAreValuesThatWereMeasured(t *testing.T) {
	var answers []answer
	for i := 1; i <= 100; i++ {
		answers = append(answers, answer{first: time.Duration(101-i) * time.Millisecond, whole: 300 * time.Millisecond, input: 10, output: 11})
	}
	l := measure(2, append(answers, answer{problem: errors.New("x")}), 10*time.Second)
	assert.Equal(t, Percentiles{50, 95, 99}, l.FirstToken)
	assert.Equal(t, 101, l.Requests)
	assert.Equal(t, 1, l.Failed)
	assert.InDelta(t, 110, l.OutputPerSecond, 1e-9, "1100 tokens of those that were answered, in 10 s")
	assert.InDelta(t, 25, l.EachToken.P50, 0.2)
}
