package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/topology"
)

// mutant is the program with one mistake, with which up must fail for the same reason as on
// Google Cloud. The mistake is a change of the registered resources by another main.go
// (testdata/mutant), so that the tests do not depend on the program's source.
type mutant struct {
	name     string
	mutation mutation
	// reason must be in the output of the shell command look.
	reason, look string
	config       []string
}

// mutation is the input of testdata/mutant.
type mutation struct {
	Type   string
	Path   []string
	Values []string
}

const (
	setType      = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
	nodePoolType = "gcp:container/nodePool:NodePool"
)

// inPods returns the paths of a property in the pods of both templates.
func inPods(path ...string) []string {
	return append([]string{"spec", "leaderWorkerTemplate", "*", "spec"}, path...)
}

const lookAtPods = "kubectl get events; kubectl describe pods; " +
	"for pod in $(kubectl get pods -o name); do kubectl logs $pod --all-containers; kubectl logs $pod --all-containers --previous; done"

var mutants = []mutant{
	{
		name:     "a pod without the TPU selector",
		mutation: mutation{Type: setType, Path: inPods("nodeSelector", topology.AcceleratorLabel)},
		look:     lookAtPods, reason: "GKE Warden rejected the request because it violates one or more constraints",
	},
	{
		name:     "a premium-rwo disk",
		mutation: mutation{setType, inPods("volumes", "*", "ephemeral", "volumeClaimTemplate", "spec", "storageClassName"), []string{"premium-rwo"}},
		config:   []string{`sglang-tpu:cache={"mode":"disk"}`},
		look:     lookAtPods, reason: "pd-ssd disk type cannot be used by tpu7x-standard-4t machine type.",
	},
	{
		name:     "--tp-size 8",
		mutation: mutation{setType, inPods("containers", "*", "args"), []string{"--tp-size", "8", "--dp-size", "1"}},
		look:     lookAtPods, reason: "ValueError: Number of devices 16 must equal the product of mesh_shape (1, 8)",
	},
}

var compact = mutant{
	name:     "a placement policy of type COMPACT",
	mutation: mutation{nodePoolType, []string{"placementPolicy", "type"}, []string{"COMPACT"}},
	// Existing pools keep their type, so the mutant adds one. GKE's reason is in the status
	// message, which the provider does not show.
	config: []string{"sglang-tpu:replicas=3"},
	look:   "true", reason: `NodePool sglang-tpu-dev-slice-2 was created in the error state "ERROR"`,
}

// kill deploys the mutant over the existing stack, waits for the reason, and deploys the
// original program again unless the mutant has deleted the slice.
func (w *world) kill(t *testing.T, m mutant) {
	up := w.mutate(t, m)
	found := w.await(t, up, m)
	w.interrupt(t, up)
	assert.True(t, found, "%q was never said; up printed:\n%s", m.reason, up.out)
}

// mutate starts up with the mutant.
func (w *world) mutate(t *testing.T, m mutant) *background {
	t.Helper()
	return w.upOf(t, "dev", m.config, m.mutation)
}

// upOf starts up with a copy of the program that registers changed resources.
func (w *world) upOf(t *testing.T, stack string, config []string, mutations ...mutation) *background {
	t.Helper()
	dir := filepath.Join(w.root, "mutant")
	w.copyProgram(t, dir, "emulator/tools")
	text, err := json.Marshal(mutations)
	require.NoError(t, err)
	require.NoError(t, copyFile(filepath.Join("testdata", "mutant", "main.go"), filepath.Join(dir, "main.go")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mutations.json"), text, 0o600))

	args := []string{"up", stack}
	for _, c := range config {
		args = append(args, "-c", c)
	}
	cmd := w.command(context.Background(), filepath.Join(w.checkout, "bin", "emulator"), args...)
	cmd.Dir = dir
	up, err := start(cmd)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	return up
}

// await waits until the reason appears or up has ended.
func (w *world) await(t *testing.T, up *background, m mutant) bool {
	t.Helper()
	// It asks once a second. The limit includes compiling the mutant, which takes minutes on a busy machine.
	for deadline := time.Now().Add(15 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		said, _ := w.tryShell("dev", m.look) // may fail while objects are missing
		if strings.Contains(said, m.reason) {
			return true
		}
		select {
		case err := <-up.done:
			require.Error(t, err, "up of a mutant succeeded")
			up.done <- err
			return strings.Contains(up.out.String(), m.reason)
		default:
		}
	}
	return false
}

// interrupt interrupts pulumi, like Ctrl-C. up must fail.
func (w *world) interrupt(t *testing.T, up *background) {
	t.Helper()
	// Each thread has its own children.
	files, err := filepath.Glob("/proc/" + strconv.Itoa(up.cmd.Process.Pid) + "/task/*/children")
	require.NoError(t, err)
	for _, file := range files {
		children, _ := os.ReadFile(file) // the thread may have ended
		for _, child := range strings.Fields(string(children)) {
			pid, err := strconv.Atoi(child)
			require.NoError(t, err)
			_ = syscall.Kill(pid, syscall.SIGINT) // so may the child
		}
	}
	select {
	case err := <-up.done:
		require.Error(t, err, "up of a mutant succeeded")
	case <-time.After(3 * time.Minute):
		t.Fatalf("up did not end after an interrupt:\n%s", up.out)
	}
}

// exclusiveTopology leaves one free node in each of two slices for a single group. The group
// only fits if it is split over both slices, which the original program must prevent.
func (w *world) exclusiveTopology(t *testing.T) {
	for _, pool := range strings.Fields(w.shell(t, "dev", "kubectl get nodes -l "+hosts+" "+
		`-o jsonpath='{range .items[*]}{.metadata.labels.`+inJSONPath(topology.NodePoolLabel)+`}{"\n"}{end}' | sort -u`)) {
		w.shell(t, "dev", "kubectl cordon $(kubectl get nodes -l "+topology.NodePoolLabel+"="+pool+" -o name | head -1)")
	}
	w.shell(t, "dev", oneGroup+"; kubectl delete pod --all --wait=false")
	var said string
	if !assert.Eventually(t, func() bool {
		said, _ = w.tryShell("dev", "kubectl get events --field-selector reason=FailedScheduling,involvedObject.name=sglang-tpu-cluster-0-1; kubectl get pods -o wide")
		return strings.Contains(said, "didn't match Pod's node affinity/selector") && strings.Contains(said, "unschedulable")
	}, 4*time.Minute, time.Second, "the worker waits for a node of its leader's slice") {
		t.Log(said)
	}

	w.kill(t, mutant{
		name:     "no exclusive topology",
		mutation: mutation{Type: setType, Path: []string{"metadata", "annotations", "leaderworkerset.sigs.k8s.io/exclusive-topology"}},
		// Two leaders would take the two nodes, and no worker would find one.
		look:   oneGroup + "; " + lookAtPods,
		reason: "Failed to establish ICI links",
		config: []string{"sglang-tpu:replicas=2"},
	})
	w.shell(t, "dev", "kubectl uncordon $(kubectl get nodes -o name)")
	w.emulator(t, "up", "dev", "-c", "sglang-tpu:replicas=2")
}

const oneGroup = "kubectl patch leaderworkerset sglang-tpu-cluster --type merge -p '{\"spec\":{\"replicas\":1}}'"
