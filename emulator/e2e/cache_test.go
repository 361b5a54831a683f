package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counts is what the emulator says that was done.
type counts struct {
	Hub struct {
		Bytes     int64 `json:"bytes"`
		Downloads int   `json:"downloads"`
	} `json:"hub"`
	Builds  int `json:"builds"`
	Compile struct {
		Hits   int `json:"hits"`
		Misses int `json:"misses"`
	} `json:"compile"`
}

func (w *world) counters(t *testing.T) (c counts) {
	t.Helper()
	out := w.emulator(t, "counters")
	require.NoError(t, json.Unmarshal([]byte(out), &c), out)
	return c
}

// accidents take a group down, each in its own way.
var accidents = []struct{ name, command string }{
	{"the leader is killed", "kubectl delete pod sglang-tpu-cluster-0 --grace-period=0 --force"},
	{"the worker is killed", "kubectl delete pod sglang-tpu-cluster-0-1 --grace-period=0 --force"},
	{"the leader's node fails", `bin/emulator repair "$(kubectl get pod sglang-tpu-cluster-0 -o jsonpath='{.spec.nodeName}')"`},
}

// restart does one accident, waits for the group to be back, and returns what that took.
func (w *world) restart(t *testing.T, command string) counts {
	t.Helper()
	const uids = "kubectl get pods sglang-tpu-cluster-0 sglang-tpu-cluster-0-1 -o jsonpath='{.items[*].metadata.uid}'"
	before := strings.Fields(w.shell(t, "dev", uids))
	require.Len(t, before, 2)
	w.emulator(t, "counters", "reset")
	w.shell(t, "dev", command)
	require.Eventually(t, func() bool {
		after, err := w.tryShell("dev", uids)
		if f := strings.Fields(after); err != nil || len(f) != 2 || f[0] == before[0] || f[1] == before[1] {
			return false
		}
		_, err = w.tryShell("dev", "kubectl wait --for=condition=Ready --timeout=1s pod/sglang-tpu-cluster-0 pod/sglang-tpu-cluster-0-1")
		return err == nil
	}, 2*time.Minute, 500*time.Millisecond, "the whole group is new, and ready")
	return w.counters(t)
}

// restartsFetchNothing is what the bucket is for.
func (w *world) restartsFetchNothing(t *testing.T) {
	for _, a := range accidents {
		t.Run(a.name, func(t *testing.T) {
			c := w.restart(t, a.command)
			fmt.Printf("    %s, cache gcs: %d bytes fetched, compiled code found %d times and missed %d times\n", a.name, c.Hub.Bytes, c.Compile.Hits, c.Compile.Misses)
			assert.Zero(t, c.Hub.Bytes)
			assert.Equal(t, 2, c.Compile.Hits, "on both hosts")
			assert.Zero(t, c.Compile.Misses)
			assert.Zero(t, c.Builds)
		})
	}
}
