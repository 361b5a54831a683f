package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forward forwards the endpoint to this machine for the rest of a shell command.
const forward = `$(pulumi stack output portForwardCommand) >/dev/null & trap "kill $!" EXIT; until curl -s localhost:8000/health; do sleep 0.2; done; `

// TestRanksRevisionsAndDisks tests one group: its tokenizer, the content of its disks, how it
// ends, and what happens if its ranks do not connect.
func TestRanksRevisionsAndDisks(t *testing.T) {
	parallel(t, 350)
	w := newWorld(t)
	step := steps(t)
	main := chatTokens{}
	step("disks are filled again by each pod", w.disks)
	step("main has main's tokenizer", func(t *testing.T) {
		main = w.chatTokens(t)
		assert.Equal(t, defaultModel(t).ID, main.tokenizer)
	})
	step("a tag has its own, from the Hub", func(t *testing.T) { w.previous(t, main, onDisks) })
	step("a tag has its own, from the bucket", func(t *testing.T) { w.previous(t, main) })
	step("main has main's, from the bucket", func(t *testing.T) {
		w.emulator(t, "up", "dev")
		assert.Equal(t, main, w.chatTokens(t))
	})
	step("log probabilities end a group of two hosts and two ranks of data parallelism", w.logprobs)
	step("a worker that never comes is named, and the group starts again", w.missingWorker)
	step("down leaves nothing", w.down)
}

type chatTokens struct {
	tokenizer, text string
	prompt          int
}

// chatTokens returns which tokenizer the server has loaded, and a response that depends on it.
func (w *world) chatTokens(t *testing.T) (c chatTokens) {
	t.Helper()
	out := w.shell(t, "dev", forward+`curl -s localhost:8000/get_server_info; echo; curl -s localhost:8000/v1/chat/completions -H "Content-Type: application/json" `+
		`-d '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hello"}]}'`)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.GreaterOrEqual(t, len(lines), 2, out)
	var info struct {
		Tokenizer string           `json:"tokenizer_path"`
		States    []map[string]any `json:"internal_states"`
	}
	for _, line := range lines {
		if strings.Contains(line, "internal_states") {
			require.NoError(t, json.Unmarshal([]byte(line), &info), line)
		}
	}
	require.Len(t, info.States, 1, out)
	var chat struct {
		Choices []struct {
			Message struct {
				Content string `json:"content"`
			} `json:"message"`
		} `json:"choices"`
		Usage struct {
			Prompt int `json:"prompt_tokens"`
		} `json:"usage"`
	}
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &chat), out)
	require.Len(t, chat.Choices, 1, out)
	return chatTokens{info.Tokenizer, chat.Choices[0].Message.Content, chat.Usage.Prompt}
}

// previous deploys the tag previous, which every repository of the emulated Hub has. It has
// another tokenizer, and a chat template with one token less.
func (w *world) previous(t *testing.T, main chatTokens, settings ...string) {
	w.emulator(t, append([]string{"up", "dev"}, flags(append(settings, "modelRevision=previous")...)...)...)
	got := w.chatTokens(t)
	folder := "models--" + strings.ReplaceAll(defaultModel(t).ID, "/", "--") // as the Hub's client names it
	assert.Regexp(t, "/huggingface/hub/"+regexp.QuoteMeta(folder)+"/snapshots/[0-9a-f]{40}$", got.tokenizer)
	assert.NotEqual(t, main.text, got.text, "another tokenizer")
	assert.Equal(t, main.prompt-1, got.prompt, "another chat template")
}

// uids returns the UIDs and phases of the group's pods.
func (w *world) uids(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(w.shell(t, "dev", "kubectl get pods -l leaderworkerset.sigs.k8s.io/name -o jsonpath='{.items[*].metadata.uid}' 2>/dev/null"))
}

func (w *world) groupIsReady(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		out, _ := w.tryShell("dev", "kubectl get pods -l leaderworkerset.sigs.k8s.io/name --no-headers 2>/dev/null | grep -c 1/1.*Running")
		return strings.TrimSpace(out) == "2"
	}, 5*time.Minute, time.Second, "the group is ready")
}

func (w *world) logprobs(t *testing.T) {
	w.emulator(t, append([]string{"up", "dev"}, flags(modelOfBoth)...)...)
	before := w.uids(t)
	require.NotEmpty(t, before)
	out := w.shell(t, "dev", forward+`curl -s -m 20 localhost:8000/generate -H "Content-Type: application/json" -d '{"text":"a","return_logprob":true}' || true; `+
		`kubectl logs sglang-tpu-cluster-0 --previous 2>/dev/null || kubectl logs sglang-tpu-cluster-0 2>/dev/null || true`)
	require.Eventually(t, func() bool { return w.uids(t) != before }, 3*time.Minute, time.Second, "the group is created again: %s", out)
	w.groupIsReady(t)
	assert.Contains(t, w.shell(t, "dev", forward+`curl -s localhost:8000/generate -H "Content-Type: application/json" -d '{"text":"a","sampling_params":{"max_new_tokens":2}}'`), `"completion_tokens":2`)
}

// missingWorker cordons the worker's node and restarts the group.
func (w *world) missingWorker(t *testing.T) {
	w.groupIsReady(t)
	node := strings.TrimSpace(w.shell(t, "dev", "kubectl get pod sglang-tpu-cluster-0-1 -o jsonpath='{.spec.nodeName}' 2>/dev/null"))
	before := w.uids(t)
	w.shell(t, "dev", "kubectl cordon "+node+" && kubectl delete pod sglang-tpu-cluster-0 --wait=false")
	require.Eventually(t, func() bool {
		log, err := w.tryShell("dev", "kubectl logs sglang-tpu-cluster-0 2>/dev/null")
		return err == nil && w.uids(t) != before && strings.Contains(log, "[Publisher 0] Begins to synchronize, wait 1 Subscribers")
	}, 3*time.Minute, 300*time.Millisecond)
	first := w.uids(t)
	// The log ends with the container. Waiting times are a fifth of the real ones.
	log := w.shell(t, "dev", "timeout 220 kubectl logs -f sglang-tpu-cluster-0 2>/dev/null || true")
	// The launch script waits, and then ends the rank. Its own tests check the messages.
	assert.Len(t, regexp.MustCompile(`(?m)^launch: .*\bsglang-tpu-cluster-0-1\b`).FindAllString(log, -1), 2, log)
	assert.Regexp(t, `(?m)^launch: .*\b10 minutes\b.*\bsglang-tpu-cluster-0-1\b`, log)
	require.Eventually(t, func() bool {
		out, _ := w.tryShell("dev", "kubectl get pod sglang-tpu-cluster-0 -o jsonpath='{.metadata.uid}' 2>/dev/null")
		return out != "" && !strings.Contains(first, out)
	}, 3*time.Minute, time.Second, "the group is created again")
	w.shell(t, "dev", "kubectl uncordon "+node)
	w.groupIsReady(t)
}
