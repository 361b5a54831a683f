package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// accepted maps kube-score's accepted critical findings, by object and check, to the reason.
// Findings that no longer occur must be removed.
var accepted = map[string]string{
	"Pod/v1/sglang/leader: container-image-pull-policy":                                              pulled,
	"Pod/v1/sglang/worker: container-image-pull-policy":                                              pulled,
	"Job/batch/v1/sglang/download: container-image-pull-policy":                                      pulled,
	"Job/batch/v1/sglang-build/build: container-image-pull-policy":                                   pulled,
	"Deployment/apps/v1/lws-system/lws-controller-manager: container-image-pull-policy":              pulled,
	"Pod/v1/sglang/leader: container-security-context-user-group-id":                                 root,
	"Pod/v1/sglang/worker: container-security-context-user-group-id":                                 root,
	"Job/batch/v1/sglang/download: container-security-context-user-group-id":                         "it writes what the server, which is root, reads and writes",
	"Job/batch/v1/sglang-build/build: container-security-context-user-group-id":                      "user 1000 is whom the rootless image is made for",
	"Job/batch/v1/sglang-build/build: container-security-context-readonlyrootfilesystem":             "BuildKit writes under /run, /tmp and its home; see internal/policytest",
	"Deployment/apps/v1/lws-system/lws-controller-manager: container-security-context-user-group-id": "the image names its own user, and runAsNonRoot holds it to that",
	"Deployment/apps/v1/sglang/sglang-exporter: container-image-pull-policy":                         pulled,
	"Deployment/apps/v1/sglang/sglang-exporter: pod-probes-identical":                                "its own metrics are its only path that asks no server",
	"Pod/v1/sglang/leader: pod-probes-identical":                                                     "only /health_generate tells whether the group works; a pod is taken from the Service after 90 seconds, and restarted after five minutes",
}

const (
	pulled = "tags do not move: the repository's are immutable, the others are releases; to pull gigabytes at each restart would be the price"
	root   = "the device files of TPUs are root's; see internal/policytest"
)

// hashed matches names that end with a hash of their inputs.
var hashed = regexp.MustCompile(`/(build|download)-[0-9a-f-]+$`)

// score runs kube-score on all Kubernetes objects of a stack, including the chart's.
func (w *world) score(t *testing.T, stack string) {
	w.emulator(t, "tools", "check")
	cmd := exec.Command(filepath.Join(w.root, "bin", "kube-score"), "score", "--output-format", "json", "-")
	cmd.Stdin = bytes.NewReader(w.manifests(t, stack))
	out, err := cmd.Output()
	var failed *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &failed)
	}
	var objects []struct {
		Name   string `json:"object_name"`
		Checks []struct {
			Check struct {
				ID string `json:"id"`
			} `json:"check"`
			Grade    int  `json:"grade"`
			Skipped  bool `json:"skipped"`
			Comments []struct {
				Path    string `json:"path"`
				Summary string `json:"summary"`
			} `json:"comments"`
		} `json:"checks"`
	}
	require.NoError(t, json.Unmarshal(out, &objects), "%s", out)
	critical := map[string]string{}
	judged := map[string]int{}
	for _, o := range objects {
		o.Name = hashed.ReplaceAllString(o.Name, "/$1")
		kind, _, _ := strings.Cut(o.Name, "/")
		judged[kind]++
		for _, c := range o.Checks {
			if c.Grade > 1 || c.Skipped {
				continue
			}
			var says []string
			for _, comment := range c.Comments {
				says = append(says, strings.TrimSpace(comment.Path+" "+comment.Summary))
			}
			critical[o.Name+": "+c.Check.ID] = strings.Join(says, "; ")
		}
	}
	for kind, atLeast := range map[string]int{"Pod": 2, "Job": 2, "Deployment": 1, "Service": 2, "NetworkPolicy": 8} {
		assert.GreaterOrEqual(t, judged[kind], atLeast, kind)
	}
	for finding, says := range critical {
		assert.NotEmpty(t, accepted[finding], "%s: %s", finding, says)
	}
	for finding := range accepted {
		assert.Contains(t, critical, finding, "it is not found any more")
	}
	t.Logf("kube-score: %d objects, %d critical findings, all with reasons", len(objects), len(critical))
}

// manifests returns the inputs of the stack's Kubernetes objects. A LeaderWorkerSet, which
// kube-score does not support, is replaced by its pods.
func (w *world) manifests(t *testing.T, stack string) []byte {
	t.Helper()
	var exported struct {
		Deployment struct {
			Resources []struct {
				Type   string         `json:"type"`
				Inputs map[string]any `json:"inputs"`
			} `json:"resources"`
		} `json:"deployment"`
	}
	require.NoError(t, json.Unmarshal([]byte(w.shell(t, stack, "pulumi stack export 2>/dev/null")), &exported))
	var all bytes.Buffer
	write := func(object any) {
		text, err := json.Marshal(object)
		require.NoError(t, err)
		all.WriteString("---\n")
		all.Write(append(text, '\n'))
	}
	for _, r := range exported.Deployment.Resources {
		switch kind, _ := r.Inputs["kind"].(string); {
		case !strings.HasPrefix(r.Type, "kubernetes:") || kind == "" || kind == "Secret": // whose values are ciphers here
		case kind == "LeaderWorkerSet":
			for _, pod := range podsOfSet(t, r.Inputs) {
				write(pod)
			}
		default:
			write(r.Inputs)
		}
	}
	return all.Bytes()
}

func podsOfSet(t *testing.T, set map[string]any) []any {
	t.Helper()
	metadata := set["metadata"].(map[string]any)
	template := set["spec"].(map[string]any)["leaderWorkerTemplate"].(map[string]any)
	var pods []any
	for role, index := range map[string]string{"leader": "0", "worker": "1"} {
		pod := template[role+"Template"].(map[string]any)
		own := pod["metadata"].(map[string]any)
		own["name"], own["namespace"] = role, metadata["namespace"]
		labels := own["labels"].(map[string]any)
		labels["leaderworkerset.sigs.k8s.io/name"], labels["leaderworkerset.sigs.k8s.io/worker-index"] = metadata["name"], index
		pods = append(pods, map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": own, "spec": pod["spec"]})
	}
	sort.Slice(pods, func(i, j int) bool {
		return pods[i].(map[string]any)["metadata"].(map[string]any)["name"].(string) < pods[j].(map[string]any)["metadata"].(map[string]any)["name"].(string)
	})
	return pods
}
