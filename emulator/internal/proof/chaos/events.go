package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/proc"
	"sglang-tpu/spec/topology"
)

// event is one failure. Its function returns what was hit.
type event struct {
	name string
	do   func(ctx context.Context, r *run) (string, error)
}

var events = []event{
	{"pod", func(ctx context.Context, r *run) (string, error) { return r.deletePod(ctx) }},
	{"rank", func(_ context.Context, r *run) (string, error) { return r.kill("sgl_jax.launch_server") }},
	{"slice", func(ctx context.Context, r *run) (string, error) {
		return r.fail(ctx, topology.AcceleratorLabel)
	}},
	{"system node", func(ctx context.Context, r *run) (string, error) {
		return r.fail(ctx, "!"+topology.AcceleratorLabel)
	}},
	{"LeaderWorkerSet controller", func(_ context.Context, r *run) (string, error) { return r.kill("lws-manager") }},
	{"API server", func(_ context.Context, r *run) (string, error) { return r.kill("kube-apiserver") }},
	{"etcd", func(_ context.Context, r *run) (string, error) { return r.kill("/etcd\x00") }},
	{"Hub refuses", func(ctx context.Context, r *run) (string, error) {
		return r.refuse(ctx, cloud.Fault{On: "hub", Match: "/", Text: "HTTP 503 Service Unavailable", Times: many})
	}},
	{"bucket refuses", func(ctx context.Context, r *run) (string, error) {
		return r.refuse(ctx, cloud.Fault{On: "bucket", Match: "cache", Text: "googleapi: Error 503: The service is currently unavailable., backendError", Times: many})
	}},
}

const (
	namespace = "sglang"
	many      = 1 << 20
	nothing   = "" // the result if there was nothing to hit
)

// kubectl runs kubectl as the cluster's administrator, independently of the user's
// configuration.
func (r *run) kubectl(ctx context.Context, args ...string) (string, error) {
	files := r.world.Layout.AdminKubeconfigs()
	if len(files) == 0 {
		return "", errors.New("there is no cluster")
	}
	out, err := proc.Output(r.world.Kubectl(ctx, append([]string{"--kubeconfig", files[0], "--request-timeout=10s"}, args...)...))
	return string(out), err
}

// pods returns the names of the server's pods.
func (r *run) pods(ctx context.Context) []string {
	names, err := r.names(ctx, "pods", "-n", namespace, "-l", "leaderworkerset.sigs.k8s.io/name")
	if err != nil {
		return nil // the API server is down
	}
	return names
}

// names returns the names of objects.
func (r *run) names(ctx context.Context, args ...string) ([]string, error) {
	out, err := r.kubectl(ctx, append([]string{"get", "-o", "jsonpath={.items[*].metadata.name}"}, args...)...)
	return strings.Fields(out), err
}

// show prints the pods' status, to find the cause of a failure.
func (r *run) show(ctx context.Context) {
	for _, args := range [][]string{
		{"get", "pods", "-n", namespace, "-o", "wide"},
		{"get", "events", "-n", namespace, "--sort-by", ".metadata.creationTimestamp"},
		{"logs", "-n", namespace, "-l", "leaderworkerset.sigs.k8s.io/name", "--all-containers", "--ignore-errors", "--prefix", "--tail", "15"},
	} {
		out, err := r.kubectl(ctx, args...)
		fmt.Fprintf(r.out, "chaos: kubectl %s\n%s", strings.Join(args, " "), out)
		if err != nil {
			fmt.Fprintln(r.out, err)
		}
	}
}

func eventNames() string {
	var names []string
	for _, e := range events {
		names = append(names, e.name)
	}
	return strings.Join(names, ", ")
}

func (r *run) deletePod(ctx context.Context) (string, error) {
	pod := r.any(r.pods(ctx))
	if pod == "" {
		return nothing, nil
	}
	_, err := r.kubectl(ctx, "delete", "pod", "-n", namespace, pod, "--wait=false")
	return pod, err
}

// any returns a random one; empty if there is none.
func (r *run) any(all []string) string {
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return all[r.draw.IntN(len(all))]
}

// kill kills one of the world's processes whose command line contains a text, or whose program has this name.
func (r *run) kill(text string) (string, error) {
	var found []string
	for _, pid := range proc.WithEnvironment(r.world.Layout.Root + "/") {
		folder := filepath.Join("/proc", strconv.Itoa(pid))
		line, err := os.ReadFile(filepath.Join(folder, "cmdline"))
		program, _ := os.Readlink(filepath.Join(folder, "exe")) // the name of a container's process differs from its file's
		if err == nil && (bytes.Contains(line, []byte(text)) || filepath.Base(program) == text) {
			found = append(found, strconv.Itoa(pid))
		}
	}
	process := r.any(found)
	if process == "" {
		return nothing, nil
	}
	pid, err := strconv.Atoi(process)
	if err != nil {
		return "", err
	}
	return "process " + process, syscall.Kill(pid, syscall.SIGKILL)
}

// fail makes the host of a node fail. GKE repairs it, and for a host of a slice all of the
// slice's hosts.
func (r *run) fail(ctx context.Context, selector string) (string, error) {
	names, err := r.names(ctx, "nodes", "-l", selector)
	if err != nil {
		return "", err
	}
	node := r.any(names)
	if node == "" {
		return nothing, nil
	}
	return node, r.world.Daemon().Post(ctx, "/cloud/repair", node, nil)
}

// refuse makes something reject requests for a scaled hour, during which a pod ends.
func (r *run) refuse(ctx context.Context, f cloud.Fault) (string, error) {
	if err := r.world.Daemon().Post(ctx, "/cloud/faults", []cloud.Fault{f}, nil); err != nil {
		return "", err
	}
	return r.deletePod(ctx)
}

func countFiles(folder string) (n int) {
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			n++
		}
		return nil // skip what was removed meanwhile
	})
	return n
}
