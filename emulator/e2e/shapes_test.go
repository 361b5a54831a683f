package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/topology"
)

// TestShapesAndCapacities deploys one stack with different topologies, capacity modes and
// numbers of replicas. The server must answer each time.
func TestShapesAndCapacities(t *testing.T) {
	parallel(t, 420)
	w := newWorld(t)
	t.Run("an image that cannot be built is said with the end of the build's log", func(t *testing.T) {
		out, err := w.tryEmulator(append([]string{"up", "dev"}, flags(`image={"commit":"`+strings.Repeat("0", 40)+`"}`)...)...)
		require.Error(t, err)
		assert.Contains(t, out, "fatal: reference is not a tree: "+strings.Repeat("0", 40))
		assert.NotContains(t, out, "panic")
	})
	for _, s := range []struct {
		name     string
		settings []string
		hosts    int
		node     string // a label of the slice's nodes
	}{
		{"2x2x1 is one host, here of a spot slice with an image from the mirror", []string{"topology=2x2x1", `image={"source":"mirror","version":"v0.1.0"}`}, 1, "cloud.google.com/gke-spot=true"},
		{"2x2x4 is four hosts, here of a shared reservation", []string{"topology=2x2x4", `capacity={"mode":"reservation","reservation":"projects/other/reservations/mine"}`}, 4, topology.TopologyLabel + "=2x2x4"},
		{"1x1x1 is one chip, here of a reservation's block with a prebuilt image", []string{"topology=1x1x1", `image={"source":"prebuilt","reference":"lmsysorg/sglang-jax:v0.1.0"}`, `capacity={"mode":"reservation","reservation":"projects/other/reservations/mine/reservationBlocks/b1"}`}, 1, "cloud.google.com/gke-accelerator-count=1"},
		{"flex-start waits at no nodes until Google gives the slice", []string{`capacity={"mode":"flex-start","maxRunDuration":"72h"}`}, 2, "cloud.google.com/gke-flex-start=true"},
		{"2x2x2 on demand", []string{`capacity={"mode":"on-demand"}`}, 2, topology.TopologyLabel + "=2x2x2"},
	} {
		if !t.Run(s.name, func(t *testing.T) {
			out := w.emulator(t, append([]string{"up", "dev"}, flags(s.settings...)...)...)
			assert.Contains(t, out, `Answer  {"meta_info"`)
			if strings.Contains(s.name, "flex-start") {
				assert.Contains(t, out, "capacity flex-start: Google queues 1 x 8 chips of tpu7x")
			}
			w.rolledOut(t, s.hosts)
			w.shell(t, "dev", "pulumi preview --expect-no-changes")
			assert.Len(t, w.names(t, "nodes -l "+hosts+","+s.node), s.hosts)
		}) {
			t.FailNow()
		}
	}
	for _, change := range []struct{ from, to string }{{"1", "3"}, {"3", "2"}, {"2", "0"}, {"0", "1"}} {
		if !t.Run("replicas from "+change.from+" to "+change.to, func(t *testing.T) { w.scale(t, change.from, change.to) }) {
			t.FailNow()
		}
	}
	t.Run("an API key is asked for, and sent by the command that the stack says", w.apiKey)
	t.Run("down leaves nothing", w.down)
}

const onDemand = `capacity={"mode":"on-demand"}`

// scale asserts that a change of replicas creates and deletes whole slices, and does not affect
// the other slices.
func (w *world) scale(t *testing.T, from, to string) {
	settings := flags(onDemand, "replicas="+to)
	w.emulator(t, append([]string{"start", "dev"}, settings...)...)
	steps := w.preview(t)
	growing := to > from
	for _, s := range steps {
		name := s.URN[strings.LastIndex(s.URN, "::")+2:]
		switch {
		case s.Op == "same":
		case strings.HasPrefix(name, "slice-"):
			assert.Equal(t, map[bool]string{true: "create", false: "delete"}[growing], s.Op, name)
			index, _, _ := strings.Cut(strings.TrimPrefix(name, "slice-"), "-")
			low, high := from, to
			if !growing {
				low, high = to, from
			}
			assert.True(t, low <= index && index < high, "%s of %s is %s", s.Op, name, from+" to "+to)
		case strings.HasPrefix(name, "monitoring-group-"),
			strings.HasPrefix(name, "monitoring-alert-") && min(from, to) == "0": // without groups there is nothing to watch
			assert.Equal(t, map[bool]string{true: "create", false: "delete"}[growing], s.Op, name)
		case name == "serving-budget" && min(from, to) < "2": // fewer than two groups have none
			assert.Equal(t, map[bool]string{true: "create", false: "delete"}[growing], s.Op, name)
		default:
			assert.Equal(t, "update", s.Op, name)
			assert.Contains(t, []string{
				"serving", "serving-service", "serving-budget", "sglang-tpu-dev",
				"monitoring-alert-no-answer", "monitoring-alert-slice-lost", "monitoring-dashboard",
			}, name, "only the set, its Service, what is said of their number and the outputs change")
		}
	}
	kept := min(from, to)
	before := w.slices(t)
	w.emulator(t, append([]string{"up", "dev"}, settings...)...)
	after := w.slices(t)
	for pool, nodes := range before {
		if pool[len(pool)-1:] < kept {
			assert.Equal(t, nodes, after[pool], "the nodes of %s", pool)
		}
	}
	require.Len(t, after, int(to[0]-'0'))
	// Pulumi deletes the slice last. A group that ran on it restarts on another slice, and up
	// waits for that, too.
	w.rolledOut(t, 2*len(after))
	w.shell(t, "dev", "pulumi preview --expect-no-changes")
}

// step is one line of a preview.
type step struct {
	Op  string `json:"op"`
	URN string `json:"urn"`
}

func (w *world) preview(t *testing.T) []step {
	t.Helper()
	out := w.shell(t, "dev", "pulumi preview --json 2>/dev/null")
	var parsed struct {
		Steps []step `json:"steps"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &parsed), out)
	require.NotEmpty(t, parsed.Steps)
	return parsed.Steps
}

// slices returns the UIDs of the nodes of each TPU node pool.
func (w *world) slices(t *testing.T) map[string][]string {
	t.Helper()
	pools := map[string][]string{}
	for line := range strings.Lines(w.shell(t, "dev", "kubectl get nodes -l "+hosts+" --no-headers "+
		`-o custom-columns='p:.metadata.labels.`+inJSONPath(topology.NodePoolLabel)+`,u:.metadata.uid' 2>/dev/null`)) {
		if f := strings.Fields(line); len(f) == 2 {
			pools[f[0]] = append(pools[f[0]], f[1])
		}
	}
	return pools
}

// names lists objects in the server's namespace.
func (w *world) names(t *testing.T, what string) []string {
	t.Helper()
	return strings.Fields(w.shell(t, "dev", "kubectl get "+what+" -o name 2>/dev/null"))
}

func flags(settings ...string) []string {
	var all []string
	for _, s := range settings {
		all = append(all, "-c", "sglang-tpu:"+s)
	}
	return all
}

// apiKey runs the command in the stack's output, and the same request without the key.
func (w *world) apiKey(t *testing.T) {
	const key = "key-of-the-clients"
	w.shell(t, "dev", "pulumi config set --secret apiKey "+key+" && pulumi up --yes --skip-preview")
	curl := w.shell(t, "dev", "pulumi stack output curlCommand 2>/dev/null")
	assert.NotContains(t, curl, key)
	assert.Contains(t, w.shell(t, "dev", forward+curl), `"completion_tokens":10`)
	without := curl[:strings.Index(curl, ` -H "Authorization`)] + curl[strings.Index(curl, " -d "):]
	assert.Contains(t, w.shell(t, "dev", forward+without), "Unauthorized")
	state := w.shell(t, "dev", "pulumi stack export")
	assert.NotContains(t, state, key)
	w.smokeWithKey(t, key)
	assert.Contains(t, w.emulator(t, append([]string{"up", "dev"}, flags(onDemand)...)...), `Answer  {"meta_info"`)
}
