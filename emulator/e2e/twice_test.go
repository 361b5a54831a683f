package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/counters"
)

func (w *world) counts(t *testing.T) (c counters.Counts) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(w.shell(t, "", "bin/emulator counters")), &c))
	return c
}

// during returns and prints the counts during do.
func (w *world) during(t *testing.T, what string, do func()) counters.Counts {
	t.Helper()
	w.shell(t, "", "bin/emulator counters reset")
	do()
	c := w.counts(t)
	fmt.Printf("    %-60s %5.1f GiB fetched in %d downloads, %d builds, compiled code found %d times, missed %d times\n",
		what, float64(c.Hub.Bytes)/(1<<30), c.Hub.Downloads, c.Builds, c.Compile.Hits, c.Compile.Misses)
	return c
}

// otherCommit is another commit that can be built.
const otherCommit = "0123456789abcdef0123456789abcdef01234567"

// weights returns the size of a download of the default model's repository in bytes.
func weights(t *testing.T) int64 { return int64(defaultModel(t).RepositoryGiB) << 30 }

// TestNothingIsDownloadedBuiltOrCompiledTwice counts the downloads, builds and compilations of a stack with a bucket.
func TestNothingIsDownloadedBuiltOrCompiledTwice(t *testing.T) {
	parallel(t, 340)
	w := newWorld(t)
	step := steps(t)
	step("the first up fetches, builds and compiles once", func(t *testing.T) {
		w.emulator(t, "start", "dev") // it does the counting
		c := w.during(t, "up, from nothing", func() { w.emulator(t, "up", "dev") })
		assert.Equal(t, 1, c.Hub.Downloads)
		assert.InDelta(t, weights(t), c.Hub.Bytes, 1<<30)
		assert.Equal(t, 1, c.Builds)
		assert.Zero(t, c.Compile.Hits)
	})
	step("a second up does nothing", func(t *testing.T) {
		c := w.during(t, "up, again", func() { w.emulator(t, "up", "dev") })
		assert.Zero(t, c.Hub.Bytes)
		assert.Zero(t, c.Hub.Downloads)
		assert.Zero(t, c.Builds)
		assert.Zero(t, c.Compile)
	})
	w.restarts(t, "gcs", func(t *testing.T, c counters.Counts) {
		assert.Zero(t, c.Hub.Bytes)
		// There are more than two if the worker's container is restarted and connects to the
		// new leader before the group is recreated, which has been observed.
		assert.GreaterOrEqual(t, c.Compile.Hits, 2, "on both hosts")
		assert.Zero(t, c.Compile.Misses)
	})
	step("requests that fit in the notice of a preemption are answered, and nothing is fetched again", w.preempted)
	step("a new commit is built once, and shown first", w.newCommit)
	step("the old commit is still there", func(t *testing.T) {
		c := w.during(t, "back to the old commit", func() { w.emulator(t, "up", "dev") })
		assert.Zero(t, c.Builds)
		assert.Zero(t, c.Hub.Bytes)
		assert.GreaterOrEqual(t, c.Compile.Hits, 2, "its compiled code, too")
		assert.Zero(t, c.Compile.Misses)
		assert.Len(t, strings.Fields(w.shell(t, "dev", "kubectl get jobs -n sglang-build -o name")), 1, "the other commit's Job is gone")
	})
	step("three replicas read what one has fetched", func(t *testing.T) {
		c := w.during(t, "two replicas more", func() { w.emulator(t, "up", "dev", "-c", "sglang-tpu:replicas=3") })
		assert.Zero(t, c.Hub.Downloads)
		assert.GreaterOrEqual(t, c.Compile.Hits, 4, "on four hosts")
		assert.Zero(t, c.Compile.Misses)
		w.emulator(t, "up", "dev")
	})
	step("what goes wrong is said, and the next up goes on", w.failures)
	step("down leaves nothing", w.down)
}

// restarts deletes the leader, the worker and a whole node, and counts what the group does until
// it is ready again.
func (w *world) restarts(t *testing.T, mode string, check func(t *testing.T, c counters.Counts)) {
	t.Helper()
	const node = "$(kubectl get pod sglang-tpu-cluster-0-1 -o jsonpath='{.spec.nodeName}')"
	for what, line := range map[string]string{
		"the leader": "kubectl delete pod sglang-tpu-cluster-0 --grace-period=1 --wait=false",
		"the worker": "kubectl delete pod sglang-tpu-cluster-0-1 --grace-period=1 --wait=false",
		"a node":     "bin/emulator repair " + node,
	} {
		t.Run(what+" is lost, on "+mode, func(t *testing.T) {
			before, nodes := w.podUIDs(t), w.hostUIDs(t)
			check(t, w.during(t, what+" is lost, on "+mode, func() {
				w.shell(t, "dev", line)
				w.groupIsNew(t, before)
			}))
			kept := 0
			for _, uid := range w.hostUIDs(t) {
				if slices.Contains(nodes, uid) {
					kept++
				}
			}
			if what == "a node" {
				assert.Zero(t, kept, "the hosts of a slice are remade together")
			} else {
				assert.Equal(t, 2, kept)
			}
		})
	}
}

// hostUIDs returns the UIDs of the slice's nodes.
func (w *world) hostUIDs(t *testing.T) []string {
	t.Helper()
	return strings.Fields(w.shell(t, "dev", "kubectl get nodes -l "+hosts+" -o jsonpath='{.items[*].metadata.uid}'"))
}

func (w *world) podUIDs(t *testing.T) []string {
	t.Helper()
	return strings.Fields(w.shell(t, "dev", podUIDs))
}

const podUIDs = "kubectl get pods -l leaderworkerset.sigs.k8s.io/name -o jsonpath='{.items[*].metadata.uid}'"

// groupIsNew waits until the group consists of new, ready pods, and prints the pods if it does
// not.
func (w *world) groupIsNew(t *testing.T, before []string) {
	t.Helper()
	const state = "kubectl get pods,pvc,nodes -A -o wide; kubectl get events --sort-by=.metadata.creationTimestamp | tail -40"
	if !assert.Eventually(t, func() bool {
		// Retry if kubectl fails.
		ready, _ := w.tryShell("dev", "kubectl get pods -l leaderworkerset.sigs.k8s.io/name --no-headers 2>/dev/null | grep -c 1/1.*Running")
		uids, err := w.tryShell("dev", podUIDs)
		now := strings.Fields(uids)
		old := func(uid string) bool { return slices.Contains(before, uid) }
		return err == nil && strings.TrimSpace(ready) == "2" && len(now) == 2 && !slices.ContainsFunc(now, old)
	}, 6*time.Minute, 500*time.Millisecond) {
		there, _ := w.tryShell("dev", state)
		t.Fatal(there)
	}
}

// newCommit first checks the preview: old and new reference, and no replacements except those
// of Jobs.
func (w *world) newCommit(t *testing.T) {
	commit := flags(`image={"commit":"` + otherCommit + `"}`)
	old := strings.TrimSpace(w.shell(t, "dev", "kubectl get lws sglang-tpu-cluster -o jsonpath='{.spec.leaderWorkerTemplate.leaderTemplate.spec.containers[0].image}'"))
	w.emulator(t, append([]string{"start", "dev"}, commit...)...)
	replaced := map[string]bool{}
	for _, s := range w.preview(t) {
		if strings.Contains(s.Op, "replace") || s.Op == "delete" {
			replaced[s.URN[strings.LastIndex(s.URN, "::")+2:]] = true
		}
	}
	// The download runs in the server image, and finds all files in the bucket.
	assert.Equal(t, map[string]bool{"image-build": true, "serving-download": true}, replaced, "Jobs, and nothing else")
	diff := w.shell(t, "dev", "pulumi preview --diff --color never 2>/dev/null")
	assert.Contains(t, diff, old)
	assert.Contains(t, diff, "sglang-jax:"+otherCommit[:12]+"-")

	c := w.during(t, "a new commit", func() { w.emulator(t, append([]string{"up", "dev"}, commit...)...) })
	assert.Equal(t, 1, c.Builds)
	assert.Zero(t, c.Hub.Bytes)
	times := strings.Fields(w.shell(t, "dev", "kubectl get jobs -n sglang-build -o jsonpath='{.items[*].status.completionTime}'; "+
		"echo; kubectl get pods -l leaderworkerset.sigs.k8s.io/name -o jsonpath='{.items[*].metadata.creationTimestamp}'"))
	require.Len(t, times, 3, "one Job, two pods")
	for _, pod := range times[1:] {
		assert.LessOrEqual(t, times[0], pod, "old pods run until the new image is there")
	}
}

// failures tests failing downloads. TestShapesAndCapacities has a failing build.
func (w *world) failures(t *testing.T) {
	// A large repository: each of the eight attempts downloads a third of the rest.
	const id, bucket = "Qwen/Qwen3-235B-A22B", "emulated-project-sglang-tpu-dev-cache"
	up := append([]string{"up", "dev"}, flags("model="+id)...)
	fails := func(what, fault string, says ...string) counters.Counts {
		w.shell(t, "", "bin/emulator fault "+fault)
		var out string
		var err error
		c := w.during(t, what, func() { out, err = w.tryEmulator(up...) })
		w.shell(t, "", "bin/emulator fault clear")
		require.Error(t, err, what)
		for _, text := range says {
			assert.Contains(t, out, text, what)
		}
		assert.NotContains(t, out, "panic")
		return c
	}
	const goesOn = "what has come stays in the bucket, and the next pulumi up goes on from there"
	fails("a right that somebody removed", "iam sa/sglang-download",
		"the Kubernetes service account sglang/sglang-download may not write to the bucket "+bucket, "run: pulumi up --refresh")
	w.shell(t, "dev", "pulumi refresh --yes --skip-preview")
	fails("a bucket that takes no more", "bucket "+bucket, "[Errno 5] Input/output error", goesOn)
	part := fails("a download that is cut off", "hub "+id+" 'requests.exceptions.ConnectionError: Connection reset by peer' 99",
		"ConnectionError: Connection reset by peer", goesOn)
	assert.Positive(t, part.Hub.Bytes)
	rest := w.during(t, "the rest of it", func() { w.emulator(t, up...) })
	assert.Positive(t, rest.Hub.Bytes)
	assert.InDelta(t, 438<<30, part.Hub.Bytes+rest.Hub.Bytes, 1<<30, "no byte came twice")
}
