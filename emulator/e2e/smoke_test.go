package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smoke runs smoke on a deployed stack; all checks must succeed.
func (w *world) smoke(t *testing.T, stack string) string {
	t.Helper()
	out := w.shell(t, stack, "make smoke STACK="+stack)
	assert.Contains(t, out, "none of 11 checks failed")
	assert.NotContains(t, out, "not asked")
	return out
}

// smokeFails deletes a worker of dev's group, and lets it recover. On cordoned hosts the new
// pods stay Pending, so that the test does not depend on how fast they start.
func (w *world) smokeFails(t *testing.T) {
	fails := func(line string) string {
		out, err := w.tryShell("dev", line+" && make smoke STACK=dev")
		require.Error(t, err, out)
		return out
	}
	out := fails("kubectl cordon -l " + hosts + " && kubectl delete pod sglang-tpu-cluster-0-1 --wait=false")
	assert.Regexp(t, `FAILED +ranks .*(sglang-tpu-cluster-0-1 is |group 0 has [01] of 2 pods)`, out)
	assert.Contains(t, out, "a group whose worker has gone starts again by itself")

	out = fails(`until kubectl get pod sglang-tpu-cluster-0 -o jsonpath='{.status.phase}' | grep -q Pending; do sleep 1; done`)
	assert.Regexp(t, `FAILED +ranks +.*sglang-tpu-cluster-0 is not ready \(Pending\)`, out)
	assert.Regexp(t, `FAILED +service +sglang-leader-tpu has no ready endpoint`, out)
	assert.Regexp(t, `FAILED +port-forward .*Pending`, out)
	assert.Regexp(t, `not asked +chat +needs the port-forward`, out)
	assert.Regexp(t, `FAILED +leaders +group 0 \(sglang-tpu-cluster-0\)`, out)
	assert.Contains(t, out, "describe pod sglang-tpu-cluster-0 says why")

	w.shell(t, "dev", "kubectl uncordon -l "+hosts+" && until kubectl get pod sglang-tpu-cluster-0-1 >/dev/null 2>&1; do sleep 1; done && "+
		"kubectl wait --for=condition=Ready pod -l leaderworkerset.sigs.k8s.io/name --timeout 3m")
	w.smoke(t, "dev")
}
