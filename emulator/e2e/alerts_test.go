package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// speed divides the times of Cloud Monitoring: the intervals of scrapes and evaluations, and the
// durations and ranges of alerts. Faults and repairs take the emulator's time.
const speed = 10

// scrape is the time between two scrapes, and between two evaluations.
const scrape = 30 * time.Second / speed

// watch evaluates the alerts of the stack with Prometheus' rule engine.
type watch struct {
	cmd   *exec.Cmd
	input io.Closer
	end   func()
	done  chan struct{} // closed at the end of the output

	mu      sync.Mutex
	changes []alertChange
}

type alertChange struct {
	Alert string
	State string
	At    time.Time
}

func (c *collector) watch(t *testing.T) *watch {
	t.Helper()
	config, targets, end := c.jobs(t, scrape)
	order, err := json.Marshal(map[string]any{"config": config, "targets": targets, "alerts": c.alerts(t), "scale": speed})
	require.NoError(t, err)
	end = sync.OnceFunc(end)
	t.Cleanup(end)
	w := &watch{cmd: c.world.command(t.Context(), c.program), end: end, done: make(chan struct{})}
	input, err := w.cmd.StdinPipe()
	require.NoError(t, err)
	w.input = input
	output, err := w.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, w.cmd.Start())
	_, err = input.Write(order)
	require.NoError(t, err)
	go func() {
		defer close(w.done)
		for decoder := json.NewDecoder(output); ; {
			var change alertChange
			if decoder.Decode(&change) != nil {
				return
			}
			if change.Alert != "" { // the last line is about series
				w.mu.Lock()
				w.changes = append(w.changes, change)
				w.mu.Unlock()
			}
		}
	}()
	// Wait until there are series.
	time.Sleep(3 * scrape)
	return w
}

// stop ends the evaluation and returns the alerts that fired at any time.
func (w *watch) stop(t *testing.T) (fired []string) {
	t.Helper()
	require.NoError(t, w.input.Close())
	<-w.done
	assert.NoError(t, w.cmd.Wait())
	w.end()
	for _, c := range w.changes {
		if c.State == "firing" && !slices.Contains(fired, c.Alert) {
			fired = append(fired, c.Alert)
		}
	}
	slices.Sort(fired)
	return fired
}

// await waits until an alert has changed to a state after a time, and prints how long it took.
func (w *watch) await(t *testing.T, since time.Time, what, alert, state string) {
	t.Helper()
	var found time.Time
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, c := range w.changes {
			if c.Alert == alert && c.State == state && c.At.After(since) {
				found = c.At
				return true
			}
		}
		return false
	}, 4*time.Minute, 100*time.Millisecond, "%s is never %s: %v", alert, state, w.changes)
	took := found.Sub(since)
	fmt.Printf("    %s: %s is %s after %.1f s, with the times of Cloud Monitoring divided by %d\n", what, alert, state, took.Seconds(), speed)
}

// saturate sends more requests than the server runs concurrently, and then cancels them.
func (c *collector) saturate(t *testing.T) {
	w := c.watch(t)
	began := time.Now()
	relieve := c.load(t)
	w.await(t, began, "requests wait", "queue", "firing")
	began = time.Now()
	relieve()
	w.await(t, began, "none waits any more", "queue", "inactive")
	assert.Equal(t, []string{"queue"}, w.stop(t))
}

const (
	tpuHosts  = " -l " + hosts
	groupPods = "kubectl get pods -l leaderworkerset.sigs.k8s.io/name "
	// whole waits until the pods of the deleted group are replaced and ready.
	whole = `until [ "$(` + groupPods + `-o name | wc -l)" = 2 ] && ! ` + groupPods + `-o jsonpath='{.items[*].metadata.uid}' | grep -qE "$before" && ` +
		`kubectl wait --for=condition=Ready pod -l leaderworkerset.sigs.k8s.io/name --timeout 1s >/dev/null 2>&1; do sleep 0.5; done`
)

// stopLeader deletes the leader and cordons the hosts, so that it is not replaced, and then
// uncordons them.
func (c *collector) stopLeader(t *testing.T) {
	w := c.watch(t)
	began := time.Now()
	c.world.shell(t, "dev", "kubectl cordon"+tpuHosts+" && kubectl delete pod sglang-tpu-cluster-0 --wait=false")
	w.await(t, began, "the leader is gone", "no-answer", "firing")
	began = time.Now()
	c.world.shell(t, "dev", "kubectl uncordon"+tpuHosts)
	w.await(t, began, "the leader may come back", "no-answer", "inactive")
	assert.Equal(t, []string{"no-answer"}, w.stop(t))
}

// killWorker deletes the worker three times. Each time the group recovers before the alert
// about a group that does not serve fires.
func (c *collector) killWorker(t *testing.T) {
	c.world.shell(t, "dev", "before=none; "+whole)
	w := c.watch(t)
	var began time.Time
	for range 3 {
		before := strings.Join(strings.Fields(c.world.shell(t, "dev", groupPods+"-o jsonpath='{.items[*].metadata.uid}'")), "|")
		began = time.Now()
		c.world.shell(t, "dev", "before='"+before+"'; kubectl delete pod sglang-tpu-cluster-0-1 --wait=false && "+whole)
		fmt.Printf("    a worker is killed: its group is ready again after %.1f s\n", time.Since(began).Seconds())
		time.Sleep(3 * scrape) // the restart must be visible as a decrease of the uptime
	}
	w.await(t, began, "the third worker is killed", "restarts", "firing")
	assert.Equal(t, []string{"restarts"}, w.stop(t))
}
