package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sliceVersions returns the versions of the slices' nodes.
func (w *world) sliceVersions(t *testing.T, stack string) []string {
	t.Helper()
	return strings.Fields(w.shell(t, stack, "kubectl get nodes -l "+hosts+" -o jsonpath='{.items[*].status.nodeInfo.kubeletVersion}'"))
}

// excluded simulates the last maintenance window in the exclusion that the program sets for a
// reservation, and then the first window after it.
func (w *world) excluded(t *testing.T) {
	const pods = "kubectl get pods -l leaderworkerset.sigs.k8s.io/name -o jsonpath='{.items[*].metadata.uid}'"
	before, had := w.shell(t, "prod", pods), w.sliceVersions(t, "prod")
	out := w.emulator(t, "maintain", "2027-02-28")
	assert.Regexp(t, `control plane is upgraded from 1\.35\.`, out, "there was something to upgrade to")
	assert.Regexp(t, `node pool \S+slice-0 stays at 1\.35\.\S+: exclusion keep-slices until 2027-03-01`, out)
	assert.NotContains(t, strings.ReplaceAll(out, "control plane is upgraded", ""), "is upgraded", "no node pool was")
	assert.Equal(t, before, w.shell(t, "prod", pods), "the group goes on")
	assert.Equal(t, had, w.sliceVersions(t, "prod"))

	l := w.startClients(t, "prod", 2)
	out = w.emulator(t, "maintain", "2027-03-01")
	assert.Regexp(t, `node pool \S+slice-0 is upgraded from 1\.35\.`, out, "nothing keeps the slice any longer")
	assert.NotEqual(t, had, w.sliceVersions(t, "prod"))
	w.shell(t, "prod", "until kubectl get pod sglang-tpu-cluster-0-1 >/dev/null 2>&1; do sleep 1; done && "+
		"kubectl wait --for=condition=Ready pod -l leaderworkerset.sigs.k8s.io/name --timeout 5m")
	assert.NotEqual(t, before, w.shell(t, "prod", pods))
	time.Sleep(2 * time.Second)
	all := l.finish()
	account(t, "a slice is upgraded", all)
	assert.NoError(t, all[len(all)-1].err, "the endpoint is back")
	// The controllers' pods were on nodes that were upgraded, too. A refresh marks a Deployment that is
	// not available ("Refreshed resource is in an unhealthy state"), and the next preview updates it.
	w.shell(t, "prod", "kubectl wait --for=condition=Available deployments --all --all-namespaces --timeout 5m")
	// GKE's changes are not changes of the program.
	w.shell(t, "prod", "pulumi refresh --yes --skip-preview --expect-no-changes && pulumi preview --expect-no-changes")
}

// upgradedInTurn upgrades two groups on spot slices, for which the program sets no exclusion.
// With the PodDisruptionBudget, which delays the second drain, one group always serves; without
// it, none serves for a while.
func (w *world) upgradedInTurn(t *testing.T) {
	budget := func(pods string) {
		w.shell(t, "dev", `kubectl patch poddisruptionbudget sglang-tpu-cluster --type merge -p '{"spec":{"minAvailable":`+pods+`}}'`)
	}
	drill := func(what string) (out string, refused int) {
		l := w.startClients(t, "dev", 2)
		out = w.emulator(t, "maintain")
		require.Eventually(t, func() bool {
			ready, err := w.tryShell("dev", "kubectl get pods -l leaderworkerset.sigs.k8s.io/name --no-headers | grep -c 1/1.*Running")
			return err == nil && strings.TrimSpace(ready) == "4"
		}, 5*time.Minute, time.Second, "both groups are back")
		all := l.finish()
		account(t, what, all)
		for _, r := range all {
			if r.err != nil {
				refused++
			}
		}
		return out, refused
	}
	out, refused := drill("two slices are upgraded, with a budget")
	for _, slice := range []string{"slice-0", "slice-1"} {
		assert.Regexp(t, `node pool \S+`+slice+` is upgraded from `, out)
	}
	assert.Zero(t, refused, "one of the groups answers at all times")

	budget("0")
	_, refused = drill("two slices are upgraded, without a budget")
	assert.Positive(t, refused, "without it both groups are gone for a while")
	budget("2")
	w.shell(t, "dev", "pulumi refresh --yes --skip-preview --expect-no-changes")
}
