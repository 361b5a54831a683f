package checks

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sglang-tpu/cmd/internal/report"
)

// all lists the checks of every run.
var all = append([]string{stackCheck, clusterCheck}, ofCluster...)

func TestThereAreNoRemediesIfAllChecksSucceed(t *testing.T) {
	for name, change := range map[string]func(*fake){
		"with an API key": func(*fake) {},
		"without one":     func(f *fake) { delete(f.outputs, "apiKeySecret"); f.server.key = "" },
	} {
		f := healthy(t)
		change(f)
		findings := All(t.Context(), f, "mine", time.Minute)
		var checks []string
		for _, finding := range findings {
			checks = append(checks, finding.Check)
			assert.Equal(t, report.OK, finding.Status, "%s: %s: %s", name, finding.Check, finding.Says)
			assert.Empty(t, finding.Do)
		}
		assert.ElementsMatch(t, all, checks, name)
	}
}

func TestTheChecksOnlyReadAndNeedNoSecretOfTheStack(t *testing.T) {
	f := healthy(t)
	f.find(t)
	for _, line := range f.commands {
		assert.Regexp(t, regexp.MustCompile(`^pulumi stack output --json --stack mine$|^kubectl --kubeconfig /tmp/kubeconfig --namespace sglang (get|port-forward) `), line)
	}
	assert.Contains(t, strings.Join(f.commands, "\n"), "port-forward --address 127.0.0.1 --pod-running-timeout=10s svc/leaders :8000")
}

// endless sends events until the client disconnects.
func endless(every time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			stream(w, `{"choices":[{"delta":{"content":"a"}}],"meta_info":{"cache_miss_count":0}}`)
			time.Sleep(every)
		}
	}
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func streams(events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { stream(w, events...) }
}

func TestEachFaultIsNamedAndSaysWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		fault func(*fake)
		// findings and, after the bar, remedies by check; all other checks succeed
		want map[string]string
	}{
		"the stack does not exist": {
			fault: func(f *fake) { f.failing["pulumi"] = stderr("error: no stack named 'mine' found\n") },
			want:  map[string]string{stackCheck: "no stack named 'mine' found | .*pulumi login.*pulumi stack ls"},
		},
		"pulumi is not installed": {
			fault: func(f *fake) { f.failing["pulumi"] = &exec.Error{Name: "pulumi", Err: exec.ErrNotFound} },
			want:  map[string]string{stackCheck: "pulumi is not installed, or not in PATH | https://www.pulumi.com/docs/install/; .*make up"},
		},
		"the stack has no outputs": {
			fault: func(f *fake) { f.outputs = map[string]any{} },
			want:  map[string]string{stackCheck: "stack mine is not up: it has no output kubeconfig | pulumi up --stack mine"},
		},
		"an up that failed half-way": {
			fault: func(f *fake) { delete(f.outputs, "service") },
			want:  map[string]string{stackCheck: "is not up: it has no output service | pulumi up"},
		},
		"replicas are 0": {
			fault: func(f *fake) { f.outputs["replicas"] = 0 },
			want:  map[string]string{stackCheck: "replicas 0: nothing serves | pulumi config set replicas 1"},
		},
		"no room for the kubeconfig": {
			fault: func(f *fake) { f.failing["save"] = errors.New("no space left on device") },
			want:  map[string]string{stackCheck: "no space left on device | .*TMPDIR"},
		},
		"kubectl does not reach the cluster": {
			fault: func(f *fake) {
				f.failing[" get "] = stderr("E1127 12:00:00.000000  1 memcache.go:265] \"Unhandled Error\"\nUnable to connect to the server: dial tcp: i/o timeout\n")
			},
			want: map[string]string{clusterCheck: "Unable to connect to the server: dial tcp: i/o timeout | make doctor STACK=mine"},
		},
		"a worker has gone": {
			fault: func(f *fake) { f.pods = f.pods[:3] },
			want:  map[string]string{ranksCheck: "group 1 has 1 of 2 pods | .*kubectl -n sglang get leaderworkerset,pods"},
		},
		"a worker is going": {
			fault: func(f *fake) { f.pods[3].DeletionTimestamp = &metav1.Time{Time: time.Now()} },
			want:  map[string]string{ranksCheck: "set-1-1 is ending | .*describe pod set-1-1"},
		},
		"a worker waits for its node": {
			fault: func(f *fake) { f.pods[1].Status = corev1.PodStatus{Phase: corev1.PodPending} },
			want:  map[string]string{ranksCheck: `set-0-1 is not ready \(Pending\) | .*describe pod set-0-1`},
		},
		"a worker runs and is not ready": {
			fault: func(f *fake) { f.pods[1].Status.Conditions[1].Status = corev1.ConditionFalse },
			want:  map[string]string{ranksCheck: `set-0-1 is not ready \(Running\) | .*describe pod set-0-1`},
		},
		"fewer groups than replicas": {
			fault: func(f *fake) { f.pods, f.ready = f.pods[:2], f.ready[:1] },
			want: map[string]string{
				ranksCheck: "group 1 has 0 of 2 pods | .*pulumi up --refresh", serviceCheck: "1 of 2 leaders are ready endpoints of leaders | .*describe service leaders",
				leadersCheck: "group 1 has no leader | .*kubectl -n sglang logs",
			},
		},
		"more groups than replicas": {
			fault: func(f *fake) { f.outputs["replicas"] = 1; f.ready = f.ready[:1] },
			want:  map[string]string{ranksCheck: "set-1 is of a group that the stack does not have; set-1-1 .* | .*pulumi up --refresh"},
		},
		"a Service without endpoints": {
			fault: func(f *fake) {
				f.ready = []bool{false, false}
				f.failing["port-forward --address 127.0.0.1 --pod-running-timeout=10s svc/"] = stderr("error: timed out waiting for the condition")
			},
			want: map[string]string{
				serviceCheck: "leaders has no ready endpoint.* | .*describe service leaders.*kubectl -n sglang delete service leaders, then pulumi up --refresh --stack mine",
				forwardCheck: "timed out waiting for the condition | kubectl -n sglang port-forward svc/leaders 8000:8000",
			},
		},
		"the Service cannot be read": {
			fault: func(f *fake) { f.failing["endpointslices"] = stderr("Error from server (Forbidden): no") },
			want:  map[string]string{serviceCheck: "Forbidden.* | .*describe service"},
		},
		"one group does not answer": {
			fault: func(f *fake) {
				f.failing["pod/set-1 "] = stderr("error: unable to forward port because pod is not running. Current status=Pending")
			},
			want: map[string]string{leadersCheck: `group 1 \(set-1\): error: unable to forward port .*Pending | .*logs`},
		},
		"the key cannot be read": {
			fault: func(f *fake) {
				f.failing["secret"] = stderr(`Error from server (NotFound): secrets "the-key" not found`)
			},
			want: map[string]string{keyCheck: `cannot be read: .*"the-key" not found | .*get secret the-key`},
		},
		"the Secret holds something else": {
			fault: func(f *fake) { f.secret = nil },
			want:  map[string]string{keyCheck: "secret the-key has 0 entries.* | .*get secret the-key"},
		},
		"any key is accepted": {
			fault: func(f *fake) { f.server.key = "" },
			want:  map[string]string{keyCheck: "without a key gets status 200 instead of 401; a request with a wrong key gets status 200 instead of 401 | .*delete pod"},
		},
		"the key is refused": {
			fault: func(f *fake) { f.server.key = "another" },
			want: map[string]string{
				keyCheck:   "with the stack's key gets status 401 instead of 200 | .*delete pod -l leaderworkerset.sigs.k8s.io/name=set,leaderworkerset.sigs.k8s.io/worker-index=0",
				modelCheck: "401 Unauthorized.* | .*reads its key when it starts", chatCheck: "401 Unauthorized.* | .*delete pod", streamCheck: "401 Unauthorized.* | .*delete pod",
				compileCheck: "401 Unauthorized.* | .*delete pod", leadersCheck: "group 0 .*401 Unauthorized.* | ",
			},
		},
		"a key is wanted, and the stack has none": {
			fault: func(f *fake) {
				delete(f.outputs, "apiKeySecret")
				for _, path := range []string{"/v1/models", "/get_model_info", "/v1/chat/completions", "/generate"} {
					f.server.routes[path] = answers(401, `{"error":"Unauthorized"}`)
				}
				f.server.key = ""
			},
			want: map[string]string{
				keyCheck: "without a key gets status 401 instead of 200 | pulumi up", modelCheck: "401", chatCheck: "401", streamCheck: "401", compileCheck: "401", leadersCheck: "401",
			},
		},
		"another model": {
			fault: func(f *fake) { f.server.model = "org/other" },
			want:  map[string]string{modelCheck: `has loaded "org/other", and the stack's model is "org/model" | pulumi up --stack mine`},
		},
		"no model": {
			fault: func(f *fake) { f.server.routes["/v1/models"] = answers(200, `{"data":[]}`) },
			want:  map[string]string{modelCheck: "lists no model | .*logs"},
		},
		"a server that fails": {
			fault: func(f *fake) {
				for _, path := range []string{"/v1/models", "/get_model_info", "/v1/chat/completions", "/generate"} {
					f.server.routes[path] = answers(500, "Internal\nServer Error of "+key)
				}
			},
			want: map[string]string{
				keyCheck: `500 Internal Server Error: Internal Server Error of \(the API key\) | kubectl -n sglang logs -l .* says why`, modelCheck: "500 .* | .*logs", chatCheck: "500 .* | .*logs",
				streamCheck: "500 .* | .*logs", compileCheck: "500 .* | .*logs", leadersCheck: "500 .* | .*logs",
			},
		},
		"a server that does not answer": {
			fault: func(f *fake) {
				f.server.routes["/v1/chat/completions"] = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
			},
			want: map[string]string{chatCheck: "no answer within 2s | .*logs", streamCheck: "no answer within 2s | .*logs"},
		},
		"no JSON": {
			fault: func(f *fake) { f.server.routes["/get_model_info"] = answers(200, "<html>") },
			want:  map[string]string{modelCheck: "not valid JSON of the expected form: <html> | .*logs"},
		},
		"an answer without tokens": {
			fault: func(f *fake) {
				f.server.routes["/v1/chat/completions"] = func(w http.ResponseWriter, r *http.Request) {
					var in struct{ Stream bool }
					_ = json.NewDecoder(r.Body).Decode(&in)
					if in.Stream {
						stream(w, `{"choices":[{"delta":{"content":null}}]}`, "[DONE]")
						return
					}
					fmt.Fprint(w, `{"choices":[{"message":{"content":null},"finish_reason":"stop"}],"usage":{"completion_tokens":1}}`)
				}
			},
			want: map[string]string{chatCheck: "the answer of 1 tokens is empty | .*chat template", streamCheck: "1 events hold no text | .*chat template"},
		},
		"a stream that never ends, quickly": {
			fault: func(f *fake) { f.server.routes["/generate"] = endless(0) },
			want:  map[string]string{compileCheck: "the stream has not ended after 800 events, for 16 tokens | .*logs", leadersCheck: "not valid JSON"},
		},
		"a stream that never ends, slowly": {
			fault: func(f *fake) { f.server.routes["/generate"] = endless(100 * time.Millisecond) },
			want:  map[string]string{compileCheck: `the stream has not ended after 2s, with \d+ events | .*logs`, leadersCheck: "no answer within 2s"},
		},
		"a stream that breaks off": {
			fault: func(f *fake) {
				f.server.routes["/v1/chat/completions"] = streams(`{"choices":[{"delta":{"content":"a"}}]}`)
			},
			want: map[string]string{streamCheck: `ends without \[DONE\] | .*logs`, chatCheck: "not valid JSON"},
		},
		"a stream with an error": {
			fault: func(f *fake) {
				f.server.routes["/v1/chat/completions"] = streams(`{"error":{"message":"out of memory"}}`, "[DONE]")
			},
			want: map[string]string{streamCheck: `the stream has an error: .*out of memory.* | .*logs`, chatCheck: "not valid JSON"},
		},
		"an answer in place of a stream": {
			fault: func(f *fake) {
				f.server.routes["/v1/chat/completions"] = answers(200, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"completion_tokens":2}}`)
			},
			want: map[string]string{streamCheck: "not a stream of events | .*logs"},
		},
		"a second request is compiled": {
			fault: func(f *fake) { f.server.misses = []int{0, 2, 0} },
			want:  map[string]string{compileCheck: "compiled again.* | .*--precompile-bs-paddings"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := healthy(t)
			tc.fault(f)
			found := f.find(t)
			for _, check := range all {
				want, faulty := tc.want[check]
				if faulty {
					says, do, _ := strings.Cut(want, " | ")
					assert.Regexp(t, "^FAILED .*"+says+`.* \| .*`+do, found[check], check)
					assert.NotRegexp(t, ` \| $`, found[check], "it says what to do")
					continue
				}
				assert.Regexp(t, "^(ok|not asked) ", found[check], check)
			}
		})
	}
}

func TestChecksThatCannotRunAreReported(t *testing.T) {
	f := healthy(t)
	f.failing["pulumi"] = stderr("error: no stack")
	assert.Equal(t, len(all)-1, strings.Count(fmt.Sprint(f.find(t)), "not asked needs the stack's outputs"))

	f = healthy(t)
	f.failing[" get "] = stderr("refused")
	assert.Equal(t, len(ofCluster), strings.Count(fmt.Sprint(f.find(t)), "not asked needs the cluster"))

	f = healthy(t)
	f.failing["svc/"] = stderr("refused")
	found := f.find(t)
	assert.Equal(t, len(ofServer), strings.Count(fmt.Sprint(found), "not asked needs the port-forward"))
	assert.Contains(t, found[leadersCheck], "ok ", "which goes past the Service")

	f = healthy(t)
	f.failing["secret"] = stderr("forbidden")
	assert.Equal(t, len(ofServer), strings.Count(fmt.Sprint(f.find(t)), "not asked needs the API key"), "all but the key's own, and the leaders")

	f = healthy(t)
	f.server.misses = nil
	assert.Contains(t, f.find(t)[compileCheck], "not asked this server does not say")
}

func TestAServedNameOfItsOwnIsShown(t *testing.T) {
	f := healthy(t)
	f.server.routes["/v1/models"] = answers(200, `{"data":[{"id":"mine"}]}`)
	assert.Contains(t, f.find(t)[modelCheck], "ok org/model, which clients see as mine")
}

func TestReasoningCountsAsAnAnswer(t *testing.T) {
	f := healthy(t)
	f.server.routes["/v1/chat/completions"] = answers(200, `{"choices":[{"message":{"content":null,"reasoning_content":"The user"},"finish_reason":"length"}],"usage":{"completion_tokens":16}}`)
	assert.Contains(t, f.find(t)[chatCheck], `ok 16 tokens in`)
}
