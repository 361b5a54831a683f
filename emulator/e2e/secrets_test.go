package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The secrets of the test. They are unique texts, so that they are found wherever they occur in
// clear text.
const (
	markedToken = "hf_MarkerTokenOfTheSecretsTest7Q2x"
	deniedToken = "hf_denied_MarkerTokenOfTheSecretsTest9Zk4"
	// It starts with a hyphen, so argparse could mistake it for a flag.
	markedKey    = "-MarkerKeyOfTheSecretsTest5Wd8"
	managedToken = "hf_MarkerTokenInSecretManager3Rb6"
	gatedModel   = "meta-llama/Llama-3.1-8B-Instruct"
	anotherGated = "google/gemma-2-27b-it"
)

// TestSecretsAreNowhereInClear deploys, changes and destroys a stack with a token and a key, and
// searches all output and all files of the emulator for them.
func TestSecretsAreNowhereInClear(t *testing.T) {
	parallel(t, 130)
	w := newWorld(t)
	s := secrets{world: w, needles: needles(markedToken, deniedToken, managedToken, markedKey)}
	step := steps(t)
	step("what is in clear is found", func(t *testing.T) {
		planted := filepath.Join(w.root, "planted")
		for _, text := range []string{"x" + markedKey, base64.StdEncoding.EncodeToString([]byte("ab" + markedToken + "c"))} {
			require.NoError(t, os.WriteFile(planted, []byte(text), 0o600))
			assert.Len(t, s.inFiles(t), 1, text)
		}
		require.NoError(t, os.Remove(planted))
	})
	step("up", func(t *testing.T) {
		w.emulator(t, "start", "dev")
		w.shell(t, "dev", "pulumi config set model "+gatedModel+" && pulumi config set --secret hfToken "+markedToken+" && pulumi config set --secret apiKey -- "+markedKey)
		s.shell(t, "pulumi preview --json --diff", true)
		s.shell(t, "pulumi up --yes --skip-preview --diff", true)
		w.shell(t, "dev", `pulumi stack output --show-secrets kubeconfig 2>/dev/null >"$KUBECONFIG" && kubectl config set-context --current --namespace sglang`)
	})
	step("both are in use", func(t *testing.T) {
		// The gated weights have been downloaded. Clients read the key from the Secret.
		key := w.shell(t, "dev", "kubectl get secret sglang-api-key -o jsonpath='{.data.api_key}' | base64 -d")
		assert.Equal(t, markedKey, key)
		forward := `$(pulumi stack output portForwardCommand) >/dev/null & trap "kill $!" EXIT; until curl -s -m 1 localhost:8000/health; do sleep 0.2; done; `
		assert.Contains(t, s.shell(t, forward+w.shell(t, "dev", "pulumi stack output curlCommand 2>/dev/null"), true), `"completion_tokens":10`)
		assert.Contains(t, s.shell(t, forward+"curl -s -X POST localhost:8000/generate -d '{}'", true), "Unauthorized")
	})
	step("environment, logs and objects of the pods", func(t *testing.T) {
		for _, line := range []string{
			"for pod in $(kubectl get pods -o name | grep -v download); do kubectl exec $pod -- env; done",
			"kubectl logs -l leaderworkerset.sigs.k8s.io/name --all-containers --tail=-1; kubectl logs -l app.kubernetes.io/component=download --tail=-1",
			"kubectl get all,leaderworkersets,events,configmaps,networkpolicies -A -o yaml",
			"kubectl describe pods,jobs,secrets -A",
			"pulumi stack output --json; pulumi stack export; pulumi config; pulumi stack history --json",
		} {
			s.shell(t, line, true)
		}
		assert.Contains(t, s.shell(t, "kubectl logs -l leaderworkerset.sigs.k8s.io/worker-index=0 --tail=-1", true), "--api-key:***",
			"the server writes its arguments to its log")
	})
	step("kube-score", func(t *testing.T) { w.score(t, "dev") })
	step("refresh and an unchanged preview", func(t *testing.T) {
		s.shell(t, "pulumi refresh --yes --skip-preview --diff", true)
		s.shell(t, "pulumi preview --json --diff --expect-no-changes", true)
	})
	step("an up that fails for the token", func(t *testing.T) {
		w.shell(t, "dev", "pulumi config set model "+anotherGated+" && pulumi config set --secret hfToken "+deniedToken)
		s.shell(t, "pulumi preview --json --diff", true)
		out := s.shell(t, "pulumi up --yes --skip-preview --diff", false)
		assert.Contains(t, out, "is not open to everybody")
	})
	step("a token that only Secret Manager has", func(t *testing.T) {
		const secret = "projects/emulated-project/secrets/hugging-face"
		w.shell(t, "dev", "pulumi config rm hfToken && pulumi config set hfTokenSecret "+secret+"/versions/1")
		assert.Contains(t, s.shell(t, "pulumi up --yes --skip-preview --diff", false), "Secret ["+secret+"] not found")
		w.shell(t, "dev", "printf %s "+managedToken+" | "+filepath.Join(w.checkout, "bin", "emulator")+" secret "+secret)
		s.shell(t, "pulumi preview --json --diff", true)
		s.shell(t, "pulumi up --yes --skip-preview --diff", true)
		assert.NotContains(t, w.shell(t, "dev", "kubectl get secrets -o name"), "hf-secret", "no object holds it")
		s.shell(t, "pulumi stack export --show-secrets && kubectl get pods,jobs,secretproviderclasses -o yaml", true, managedToken)
	})
	step("the emulator's commands, and the end", func(t *testing.T) {
		s.emulator(t, "resources")
		s.emulator(t, "counters")
		s.emulator(t, "down", "dev")
		w.requireNothingLeft(t)
	})
}

// secrets is a world whose output and files are searched.
type secrets struct {
	*world
	needles map[string][]byte
}

// needles returns each secret in clear text, and its encodings in base64 at all three offsets.
func needles(values ...string) map[string][]byte {
	found := map[string][]byte{}
	for _, value := range values {
		found[value] = []byte(value)
		for shift := range 3 {
			// Without the characters that depend on neighboring bytes.
			encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + value))
			begin := []int{0, 2, 3}[shift]
			found[fmt.Sprintf("%s in base64, from %d", value, shift)] = []byte(encoded[begin : len(encoded)-1])
		}
	}
	return found
}

// shell runs a shell command, which must succeed or fail, and then searches for the secrets; if
// onlys are given, only for those.
func (s secrets) shell(t *testing.T, line string, good bool, onlys ...string) string {
	t.Helper()
	out, err := s.tryShell("dev", line)
	if good {
		require.NoError(t, err, "%s\n%s", line, out)
	} else {
		require.Error(t, err, "%s\n%s", line, out)
	}
	if len(onlys) > 0 {
		s.needles = needles(onlys...)
	}
	s.nowhere(t, line, out)
	return out
}

func (s secrets) emulator(t *testing.T, args ...string) {
	t.Helper()
	s.nowhere(t, strings.Join(args, " "), s.world.emulator(t, args...))
}

// nowhere searches the output of a command, and all files after it, for the secrets.
func (s secrets) nowhere(t *testing.T, command, out string) {
	t.Helper()
	for what, needle := range s.needles {
		assert.False(t, bytes.Contains([]byte(out), needle), "%s printed %s", command, what)
	}
	assert.Empty(t, s.inFiles(t), "after %s", command)
}

// inFiles searches the emulator's folder, including tools and caches, and the files outside of
// it.
func (s secrets) inFiles(t *testing.T) []string {
	t.Helper()
	var found []string
	looked := 0
	for _, root := range []string{s.root, s.outside} {
		// Files that cannot be read were deleted meanwhile.
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				if text := content(path, entry); text != nil {
					looked++
					for what, needle := range s.needles {
						if bytes.Contains(text, needle) {
							found = append(found, path+" holds "+what)
						}
					}
				}
			}
			return nil
		})
	}
	require.NotZero(t, looked)
	return found
}

// content returns the content of a file; nil if it was deleted, or for the emulated Hub's
// weights, which are sparse files.
func content(path string, entry fs.DirEntry) []byte {
	info, err := entry.Info()
	if err != nil || info.Sys().(*syscall.Stat_t).Blocks == 0 && info.Size() > 1<<20 {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return text
}
