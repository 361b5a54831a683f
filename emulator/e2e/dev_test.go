package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/topology"
)

// TestDevelopmentStack goes through the life of one stack.
func TestDevelopmentStack(t *testing.T) {
	parallel(t, 430)
	w := newWorld(t)
	step := steps(t)
	step("up ends with an answer", func(t *testing.T) {
		out := w.emulator(t, "up", "dev")
		assert.Contains(t, out, `Answer  {"meta_info"`)
		assert.Regexp(t, `The stack is up after \d+`, out)
	})
	step("step 3 of the tutorial works as typed", w.tutorial)
	step("nothing is left to change", func(t *testing.T) {
		w.shell(t, "dev", "pulumi preview --expect-no-changes")
		w.shell(t, "dev", "pulumi refresh --yes --skip-preview --expect-no-changes")
		w.shell(t, "dev", "pulumi preview --expect-no-changes")
	})
	step("a second up changes nothing", func(t *testing.T) {
		before := w.shell(t, "dev", "kubectl get pods -o jsonpath='{.items[*].metadata.uid}'")
		w.emulator(t, "up", "dev")
		assert.Equal(t, before, w.shell(t, "dev", "kubectl get pods -o jsonpath='{.items[*].metadata.uid}'"))
	})
	step("smoke finds nothing to do", func(t *testing.T) { w.smoke(t, "dev") })
	step("smoke names what is broken", w.smokeFails)
	step("the benchmark measures, compares and says that it is emulated", w.benchEndpoint)
	step("an up that changes pods returns when the new ones are ready", w.rollout)
	step("pods that never become ready end the up with what they say", w.neverReady)
	for _, m := range mutants {
		step(m.name+" fails", func(t *testing.T) { w.kill(t, m) })
	}
	step("a second replica leaves the first one's slice and pods alone", w.scaleOut)
	step("with two replicas, upgrades of GKE leave one of the groups serving", w.upgradedInTurn)
	step("without exclusive topology a group is torn apart, with it never", w.exclusiveTopology)
	step("a placement policy of type COMPACT fails", func(t *testing.T) { w.kill(t, compact) })
	step("down leaves nothing, and the controller outlives the pods", func(t *testing.T) {
		out := w.emulator(t, "down", "dev")
		pods, controller := strings.Index(out, "LeaderWorkerSet serving deleted"), strings.Index(out, "Deployment lws:lws-system/lws-controller-manager deleting")
		assert.Positive(t, pods, out)
		assert.Less(t, pods, controller, out)
		w.requireNothingLeft(t)
	})
}

// tutorial runs the commands of step 3 of Google's tutorial.
func (w *world) tutorial(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "tutorial-step-3.sh"))
	require.NoError(t, err)
	out := w.shell(t, "dev", string(text))
	assert.Regexp(t, `sglang-tpu-cluster-0 +1/1 +Running`, out)
	assert.Regexp(t, `sglang-tpu-cluster-0-1 +1/1 +Running`, out)
	assert.Contains(t, out, "The server is fired up and ready to roll!")
	answer := out[strings.LastIndex(out, "\n{")+1:]
	var parsed struct {
		Text string         `json:"text"`
		Meta map[string]any `json:"meta_info"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &parsed), answer)
	assert.Len(t, strings.Fields(parsed.Text), 10)
	assert.EqualValues(t, 10, parsed.Meta["completion_tokens"])
}

// scaleOut checks that a change of the number of replicas deletes no slice that stays in use.
func (w *world) scaleOut(t *testing.T) {
	identity := func() string {
		return w.shell(t, "dev", "kubectl get node -l "+hosts+" -o jsonpath='{range .items[*]}{.metadata.uid} {end}' && "+
			"kubectl get pods -l leaderworkerset.sigs.k8s.io/group-index=0 -o jsonpath='{range .items[*]}{.metadata.uid} {end}'")
	}
	w.emulator(t, "up", "dev") // reverts the changes of the mutants
	before := strings.Fields(identity())
	require.Len(t, before, 4, "two nodes and two pods")
	w.emulator(t, "up", "dev", "-c", "sglang-tpu:replicas=2")
	assert.Subset(t, strings.Fields(identity()), before)
	pools := w.shell(t, "dev", `kubectl get pods -l leaderworkerset.sigs.k8s.io/name -o jsonpath='{range .items[*]}{.metadata.labels.leaderworkerset\.sigs\.k8s\.io/group-index} {.spec.nodeName}{"\n"}{end}' |`+
		` while read group node; do echo "$group $(kubectl get node "$node" -o jsonpath='{.metadata.labels.`+inJSONPath(topology.NodePoolLabel)+`}')"; done | sort -u`)
	assert.Len(t, strings.Split(strings.TrimSpace(pools), "\n"), 2, "each group has one node pool:\n%s", pools)
}
