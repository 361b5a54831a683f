package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// accepted are kube-score's critical findings that stay, by object and check, and why.
// One that is not found any more must go from here.
var accepted = map[string]string{}

// score lets kube-score judge every Kubernetes object of a stack as it was rendered, the
// chart's with them.
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
	require.Greater(t, len(objects), 20, "objects that were judged")
	critical := map[string]string{}
	for _, o := range objects {
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
	for finding, says := range critical {
		assert.NotEmpty(t, accepted[finding], "%s: %s", finding, says)
	}
	for finding := range accepted {
		assert.Contains(t, critical, finding, "it is not found any more")
	}
	t.Logf("kube-score: %d objects, %d critical findings, all with reasons", len(objects), len(critical))
}

// manifests are the inputs of the stack's Kubernetes objects. Of a LeaderWorkerSet, which
// kube-score does not know, they are the pods.
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
