package e2e

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/proc"
)

// TestDownAfterAnUpThatWasKilled kills everything that up started at a random moment.
func TestDownAfterAnUpThatWasKilled(t *testing.T) {
	t.Parallel() // its subtests have slots
	for _, span := range []struct{ from, to time.Duration }{
		{500 * time.Millisecond, 12 * time.Second}, // cloud resources
		{8 * time.Second, 20 * time.Second},        // objects in the cluster
	} {
		after := span.from + rand.N(span.to-span.from)
		t.Run("within "+span.to.String(), func(t *testing.T) {
			parallel(t, 50)
			t.Logf("killed after %s", after)
			w := newWorld(t)
			up, err := start(w.command(context.Background(), filepath.Join(w.checkout, "bin", "emulator"), "up", "dev"))
			require.NoError(t, err)
			up.signal(t, after, syscall.SIGKILL)
			<-up.done
			w.emulator(t, "down", "dev")
			w.requireNothingLeft(t)
		})
	}
}

// TestAnInterruptedUpLeavesNoProcessAndCanContinue is Ctrl-C, which reaches the whole
// foreground process group. The down after it is one whose state lacks something.
func TestAnInterruptedUpLeavesNoProcessAndCanContinue(t *testing.T) {
	parallel(t, 70)
	w := newWorld(t)
	up, err := start(w.command(context.Background(), filepath.Join(w.checkout, "bin", "emulator"), "up", "dev"))
	require.NoError(t, err)
	if !up.signal(t, 2*time.Second+rand.N(16*time.Second), syscall.SIGINT) {
		w.stop(t) // there is no other cleanup
	}
	select {
	case <-up.done:
	case <-time.After(3 * time.Minute):
		t.Fatalf("up did not end:\n%s", up.out)
	}
	require.Eventually(t, func() bool { return len(w.processes()) == 0 }, 30*time.Second, 100*time.Millisecond, "%v", w.processes())
	w.emulator(t, "up", "dev")
	previewInterrupted(t, w)
	// A Pulumi that is killed after it has asked for the LeaderWorkerSet does not know of it. Its pods are then there when
	// the controller is deleted, and without the controller's webhooks the leader could not be.
	w.shell(t, "dev", `pulumi state delete --yes --target-dependents "$(pulumi stack --show-urns | grep -o 'urn:pulumi:.*:LeaderWorkerSet::serving$')"`)
	w.emulator(t, "down", "dev")
	w.requireNothingLeft(t)
}

// previewInterrupted interrupts a preview of a stack that is up at a random moment. Plugins that
// outlive it would hold the cluster's and the cloud's connections.
func previewInterrupted(t *testing.T, w *world) {
	t.Helper()
	preview, err := start(w.command(context.Background(), filepath.Join(w.checkout, "bin", "emulator"), "preview", "dev"))
	require.NoError(t, err)
	preview.signal(t, 500*time.Millisecond+rand.N(4*time.Second), syscall.SIGINT)
	<-preview.done
	require.Empty(t, proc.WithEnvironment("TMPDIR="+layout.Layout{Root: w.root}.Tmp()+"\x00"), "when make returns, nothing of the command is left")
	w.shell(t, "dev", "kubectl get nodes") // the emulator runs on
}

// signal sends a signal to the whole process group, like a terminal; false if the command has
// already ended.
func (b *background) signal(t *testing.T, after time.Duration, s syscall.Signal) bool {
	t.Helper()
	time.Sleep(after)
	err := syscall.Kill(-b.cmd.Process.Pid, s)
	if err != nil {
		require.ErrorIs(t, err, syscall.ESRCH)
		t.Logf("it ended before %s", after)
	}
	return err == nil
}
