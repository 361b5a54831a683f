package bench

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/proof/world"
)

// readiness records when each pod of the server became ready. The times in the pods' status
// have only whole seconds.
type readiness map[string]time.Time

// watchPods records the pods of a world until the context ends. The cluster need not exist
// yet.
func watchPods(ctx context.Context, w *world.World) readiness {
	seen := readiness{}
	for ctx.Err() == nil {
		// The cluster's folder exists from the start of its creation, and its API server
		// answers at the end.
		if files := w.Layout.AdminKubeconfigs(); len(files) == 1 {
			reader, writer := io.Pipe()
			cmd := w.Kubectl(ctx, "--kubeconfig", files[0], "get", "pods", "--all-namespaces", "--watch", "-l", "leaderworkerset.sigs.k8s.io/name", "-o",
				`jsonpath={.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}`)
			cmd.Stdout = writer
			go func() { _ = writer.CloseWithError(cmd.Run()) }() // if it cannot connect yet, run it again
			seen.read(reader, time.Now)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return seen
}

// read records lines with a pod and its Ready condition until there are no more.
func (r readiness) read(lines io.Reader, now func() time.Time) {
	for scanner := bufio.NewScanner(lines); scanner.Scan(); {
		pod, status, _ := strings.Cut(scanner.Text(), " ")
		if status != "True" {
			delete(r, pod)
		} else if _, known := r[pod]; !known {
			r[pod] = now()
		}
	}
}

// last returns when the last pod became ready.
func (r readiness) last() (last time.Time) {
	for _, at := range r {
		if at.After(last) {
			last = at
		}
	}
	return last
}
