package bench

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/proof/world"
)

// readiness is when each pod of the server became ready. What pods say of themselves has whole
// seconds.
type readiness map[string]time.Time

// watchPods notes the pods of a world, which need no cluster yet, until the context ends.
func watchPods(ctx context.Context, w *world.World) readiness {
	seen := readiness{}
	for ctx.Err() == nil {
		// The cluster's folder is there from the beginning of its creation, and its API server
		// answers at the end.
		if files := w.Layout.AdminKubeconfigs(); len(files) == 1 {
			reader, writer := io.Pipe()
			cmd := w.Kubectl(ctx, "--kubeconfig", files[0], "get", "pods", "--all-namespaces", "--watch", "-l", "leaderworkerset.sigs.k8s.io/name", "-o",
				`jsonpath={.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}`)
			cmd.Stdout = writer
			go func() { _ = writer.CloseWithError(cmd.Run()) }() // one that cannot ask yet is run again
			seen.read(reader, time.Now)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return seen
}

// read notes lines of a pod and its Ready condition until there are no more.
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

// last is when the last pod became ready.
func (r readiness) last() (last time.Time) {
	for _, at := range r {
		if at.After(last) {
			last = at
		}
	}
	return last
}
