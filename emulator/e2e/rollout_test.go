package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	templateLabel = "sglang-tpu/pod-template"
	changed       = `pulumi config set --path 'sglang-tpu:serverArguments[0]' -- --max-running-requests=%d && pulumi up --yes --skip-preview`
)

// rolledOut asserts the state immediately after an up: there are a number of pods, all of them
// ready and created from the LeaderWorkerSet's current template, and none is terminating.
func (w *world) rolledOut(t *testing.T, pods int) {
	t.Helper()
	var found struct {
		Items []struct {
			Kind     string
			Metadata struct {
				Name              string
				Labels            map[string]string
				DeletionTimestamp string
			}
			Spec struct {
				LeaderWorkerTemplate struct {
					LeaderTemplate struct {
						Metadata struct{ Labels map[string]string }
					}
				}
			}
			Status struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	text := w.shell(t, "dev", "kubectl get leaderworkersets,pods -l app.kubernetes.io/instance=sglang-tpu-cluster,app.kubernetes.io/component!=download -o json 2>/dev/null")
	require.NoError(t, json.Unmarshal([]byte(text), &found), text)
	want, ready := "", 0
	for _, i := range found.Items {
		if i.Kind == "LeaderWorkerSet" {
			want = i.Spec.LeaderWorkerTemplate.LeaderTemplate.Metadata.Labels[templateLabel]
		}
	}
	require.NotEmpty(t, want)
	for _, i := range found.Items {
		if i.Kind != "Pod" {
			continue
		}
		assert.Equal(t, want, i.Metadata.Labels[templateLabel], "%s is of the new template", i.Metadata.Name)
		assert.Empty(t, i.Metadata.DeletionTimestamp, "%s stays", i.Metadata.Name)
		for _, c := range i.Status.Conditions {
			if c.Type == "Ready" && c.Status == "True" {
				ready++
			}
		}
	}
	assert.Len(t, found.Items, 1+pods)
	assert.Equal(t, pods, ready, "pods that are ready")
}

// rollout checks that an up that changes pods returns when the new ones are ready, even if they
// load slowly and the controller reacts late.
func (w *world) rollout(t *testing.T) {
	w.emulator(t, "fault", "load", "sglang-tpu-cluster", "8")
	w.shell(t, "dev", fmt.Sprintf(changed, 64))
	w.rolledOut(t, 2)
	// Without permissions, the controller does not reconcile, and its webhooks continue to
	// work. It gets the permissions back when up has found that the pods are still the old ones.
	w.subject(t, "nobody")
	log := filepath.Join(w.root, "late.log")
	ended := make(chan error, 1)
	go func() {
		_, err := w.tryShell("dev", "("+fmt.Sprintf(changed, 96)+") >"+log+" 2>&1")
		ended <- err
	}()
	waits := assert.Eventually(t, func() bool {
		out, _ := os.ReadFile(log)
		return strings.Contains(string(out), "still has the previous pod template")
	}, 5*time.Minute, 200*time.Millisecond, "the up waits for the controller")
	w.subject(t, "lws-controller-manager")
	err := <-ended
	out, _ := os.ReadFile(log)
	require.NoError(t, err, string(out))
	require.True(t, waits, string(out))
	w.rolledOut(t, 2)
	w.emulator(t, "fault", "clear")
}

// subject grants the permissions of the LeaderWorkerSet controller to a service account.
func (w *world) subject(t *testing.T, account string) {
	w.shell(t, "dev", `kubectl patch clusterrolebinding lws-manager-rolebinding --type json -p '[{"op":"replace","path":"/subjects/0/name","value":"`+account+`"}]'`)
}

// neverReady checks that an up fails after its timeout, with the reason of the pods, and that
// the next up continues from there.
func (w *world) neverReady(t *testing.T) {
	w.emulator(t, "fault", "load", "sglang-tpu-cluster", "RuntimeError: the weights of layer 7 have another shape")
	out, err := w.tryShell("dev", "pulumi config set readyMinutes 1 && "+fmt.Sprintf(changed, 128))
	require.Error(t, err, out)
	assert.Contains(t, out, "LeaderWorkerSet sglang/sglang-tpu-cluster: 0 of 2 pods are ready after 1m0s (sglang-tpu:readyMinutes)")
	assert.Contains(t, out, "ended with exit code 1:")
	assert.Contains(t, out, "RuntimeError: the weights of layer 7 have another shape")
	assert.NotContains(t, out, "panic")
	assert.NotContains(t, out, "unhandled error")
	w.emulator(t, "fault", "clear")
	w.shell(t, "dev", "pulumi config rm readyMinutes && pulumi up --yes --skip-preview")
	w.rolledOut(t, 2)
	w.shell(t, "dev", "pulumi config rm serverArguments && pulumi up --yes --skip-preview")
	w.rolledOut(t, 2)
}
