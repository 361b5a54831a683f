package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smokeNamesFaults injects faults into prod, one after another, and checks that smoke names
// each. If pulumi can repair the fault, the test runs the commands that smoke prints. Faults of
// pods are in smokeFails, those of the API key in smokeWithKey.
func (w *world) smokeNamesFaults(t *testing.T) {
	const smoke = "make smoke STACK=prod"
	pods := "kubectl wait --for=condition=Ready pod -l leaderworkerset.sigs.k8s.io/name --timeout 3m"
	for _, f := range []struct {
		name, inject, finds string
		restore             string         // empty: nothing has changed, or there is a remedy
		remedy              *regexp.Regexp // finds the commands that smoke prints
	}{
		{
			name: "a stack that does not exist", inject: "make smoke STACK=nosuch",
			finds: `FAILED +stack .*no stack named 'nosuch' found[^$]*To do:[^$]*pulumi stack ls`,
		},
		{
			name: "no login to the stack's backend", inject: "PULUMI_BACKEND_URL=file:///nowhere " + smoke,
			finds: `FAILED +stack [^$]*To do:[^$]*pulumi login`,
		},
		{
			// The emulator's tools come first in PATH.
			name: "kubectl has no credential plugin", inject: `mkdir -p "$TMPDIR/tools" && ln -sf "$(command -v pulumi)" "$TMPDIR/tools/" && PATH="$TMPDIR/tools:${PATH#*:}" ` + smoke,
			finds: `FAILED +cluster .*gke-gcloud-auth-plugin[^$]*To do:[^$]*make doctor STACK=prod`, restore: `rm -r "$TMPDIR/tools"`,
		},
		{
			name: "the state is of another model", inject: `model=$(pulumi stack output plan --json | sed -n 's/.*"model": *"\([^"]*\)".*/\1/p'); pulumi stack export --file "$TMPDIR/state" && ` +
				`sed "s#$model#org/another#g" "$TMPDIR/state" >"$TMPDIR/other" && pulumi stack import --file "$TMPDIR/other" && ` + smoke,
			finds:   `FAILED +model .*and the stack's model is "org/another"[^$]*To do:[^$]*pulumi up --stack prod`,
			restore: `pulumi stack import --file "$TMPDIR/state" && rm "$TMPDIR/state" "$TMPDIR/other"`,
		},
		{
			name: "a rank that loads and loads", inject: `bin/emulator fault load sglang-tpu-cluster-0-1 900 1 && before=$(kubectl get pod sglang-tpu-cluster-0-1 -o jsonpath='{.metadata.uid}') && kubectl delete pod sglang-tpu-cluster-0-1 --wait=false && ` +
				`until kubectl get pod sglang-tpu-cluster-0-1 -o jsonpath='{.metadata.uid} {.status.phase}' 2>/dev/null | grep -v "$before" | grep -q Running; do sleep 0.5; done; ` + smoke,
			finds:   `FAILED +ranks .*sglang-tpu-cluster-0-1 is not ready \(Running\)[^$]*To do:[^$]*describe pod`,
			restore: "bin/emulator fault clear && kubectl delete pod sglang-tpu-cluster-0-1 --wait=false && sleep 5 && " + pods,
		},
		{
			name: "a Service that selects nothing", inject: `kubectl patch service sglang-leader-tpu -p '{"spec":{"selector":{"changed":"by-hand"}}}' && sleep 2 && ` + smoke,
			finds:  `FAILED +service +sglang-leader-tpu has no ready endpoint[^$]*FAILED +port-forward [^$]*To do:`,
			remedy: regexp.MustCompile(`(kubectl -n sglang delete service sglang-leader-tpu), then (pulumi up --refresh --stack prod)`),
		},
		{
			name: "fewer groups than replicas", inject: `kubectl patch leaderworkerset sglang-tpu-cluster --type merge -p '{"spec":{"replicas":0}}' && kubectl wait --for=delete pod/sglang-tpu-cluster-0 pod/sglang-tpu-cluster-0-1 --timeout 3m && ` + smoke,
			finds:  `FAILED +ranks +group 0 has 0 of 2 pods[^$]*FAILED +leaders +group 0 has no leader[^$]*To do:`,
			remedy: regexp.MustCompile(`(pulumi up --refresh) restores it`),
		},
	} {
		out, err := w.tryShell("prod", f.inject)
		require.Error(t, err, "%s\n%s", f.name, out)
		assert.Regexp(t, f.finds, out, f.name)
		if f.remedy != nil {
			f.restore = printed(t, f.remedy, out)
		}
		if f.restore != "" {
			w.shell(t, "prod", f.restore)
		}
	}
	w.smoke(t, "prod")
}

// printed returns the commands of a remedy that smoke has printed, with flags that answer
// pulumi's question.
func printed(t *testing.T, remedy *regexp.Regexp, out string) string {
	t.Helper()
	commands := remedy.FindStringSubmatch(out)
	require.NotNil(t, commands, "%s\n%s", remedy, out)
	for i, command := range commands {
		if strings.HasPrefix(command, "pulumi up") {
			commands[i] += " --yes --skip-preview"
		}
	}
	return strings.Join(commands[1:], " && ")
}

// keyRemedy matches smoke's remedy for a server with another key.
var keyRemedy = regexp.MustCompile(`(?m)^ +(pulumi up --refresh --stack \S+), then (kubectl [^:]*): a server reads its key when it starts`)

// smokeWithKey runs smoke on a stack with an API key, and after its Secret was changed and
// deleted. The remedies of smoke must repair it.
func (w *world) smokeWithKey(t *testing.T, key string) {
	t.Helper()
	out := w.smoke(t, "dev")
	assert.Regexp(t, `ok +API key +the stack's key is accepted; a request without a key and one with a wrong key get 401`, out)
	assert.NotContains(t, out, key)

	const restart = "kubectl delete pod sglang-tpu-cluster-0 --wait=false && "
	uids := func() string {
		return strings.Join(strings.Fields(w.shell(t, "dev", groupPods+"-o jsonpath='{.items[*].metadata.uid}'")), "|")
	}
	fails := func(line string) string {
		out, err := w.tryShell("dev", line+" && make smoke STACK=dev")
		require.Error(t, err, out)
		assert.NotContains(t, out, "changed-by-hand")
		return out
	}
	const refused = `FAILED +API key +a request with the stack's key gets status 401 instead of 200`
	out = fails(`kubectl patch secret sglang-api-key --type merge -p '{"stringData":{"api_key":"changed-by-hand"}}'`)
	assert.Regexp(t, refused, out)

	// Servers that start now have the changed key, and the stack's own is put back below them.
	w.shell(t, "dev", "before='"+uids()+"'; "+restart+whole)
	out = fails("pulumi up --refresh --yes --skip-preview >/dev/null")
	assert.Regexp(t, refused, out)
	w.shell(t, "dev", "before='"+uids()+"'; "+printed(t, keyRemedy, out)+" && "+whole)
	w.smoke(t, "dev")

	out = fails("kubectl delete secret sglang-api-key")
	assert.Regexp(t, `FAILED +API key +cannot be read: .*secrets "sglang-api-key" not found`, out)
	require.Contains(t, out, "pulumi up --refresh restores it")
	w.shell(t, "dev", "pulumi up --refresh --yes --skip-preview")
	w.smoke(t, "dev")
}
