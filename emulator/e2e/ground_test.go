package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stackFile writes the configuration of a stack that only this world has.
func (w *world) stackFile(t *testing.T, stack string, lines ...string) {
	t.Helper()
	require.NoFileExists(t, filepath.Join(w.checkout, "Pulumi."+stack+".yaml"), "a stack of yours has the name of one of this test")
	text := "config:\n  gcp:project: emulated-project\n  gcp:zone: us-central1-c\n"
	for _, line := range lines {
		text += "  sglang-tpu:" + line + "\n"
	}
	require.NoError(t, os.WriteFile(filepath.Join(w.root, "Pulumi."+stack+".yaml"), []byte(text), 0o600))
}

// groundNow returns all resources that existed before any stack, in full.
func (w *world) groundNow(t *testing.T) string {
	t.Helper()
	var all, ground []map[string]any
	require.NoError(t, json.Unmarshal([]byte(w.shell(t, "", "bin/emulator resources -v")), &all))
	for _, r := range all {
		// The input disableOnDestroy belongs to the provider, not to the cloud.
		if r["ground"] == true && r["type"] != "gcp:projects/service:Service" {
			ground = append(ground, r)
		}
	}
	text, err := json.MarshalIndent(ground, "", " ")
	require.NoError(t, err)
	return string(text)
}

const teamCluster = `cluster: {existing: {name: team}}`

// TestOnExistingGround runs endpoints in an existing network and cluster, which must be
// unchanged at the end.
func TestOnExistingGround(t *testing.T) {
	parallel(t, 300)
	w := newWorld(t)
	step := steps(t)
	var before string
	step("somebody makes a Shared VPC and a cluster", func(t *testing.T) {
		w.emulator(t, "ground", filepath.Join("emulator", "e2e", "testdata", "ground.yaml"))
		before = w.groundNow(t)
		require.Contains(t, before, "team-slice")
	})
	step("what does not fit is said at once, before anything is made", func(t *testing.T) {
		w.stackFile(t, "wrong",
			"network: {existing: {project: network-team, network: corporate, subnetwork: ml-2}}",
			"cluster: {existing: {name: team, nodePools: [general]}}", "image: {registry: projects/emulated-project/locations/us-central1/repositories/none}",
			"cache: {bucket: nobodys-bucket}", "serviceAccounts: {builder: nobody@emulated-project.iam.gserviceaccount.com}")
		w.emulator(t, "start", "wrong")
		out, err := w.tryShell("wrong", "pulumi preview --color never")
		require.Error(t, err)
		for _, says := range []string{
			`config sglang-tpu:network.existing.subnetwork: "ml-2" cannot be looked up as a subnetwork of us-central1 in project network-team`,
			"projects/network-team/regions/us-central1/subnetworks/ml-2 not found",
			`config sglang-tpu:cluster.existing.nodePools[0]: "general" has machine type e2-standard-8, and the topology needs tpu7x-standard-4t`,
			`config sglang-tpu:image.registry: "projects/emulated-project/locations/us-central1/repositories/none" cannot be looked up as a repository`,
			`config sglang-tpu:cache.bucket: "nobodys-bucket" cannot be looked up as a bucket`,
			`config sglang-tpu:serviceAccounts.builder: "nobody@emulated-project.iam.gserviceaccount.com" cannot be looked up as a service account`,
		} {
			assert.Contains(t, out, says)
		}
		assert.NotContains(t, out, "panic")
		assert.NotContains(t, out, "unhandled")
	})
	step("an endpoint on all of it answers, and nothing is left to change", func(t *testing.T) {
		w.stackFile(t, "guest", "network: {existing: {project: network-team, network: corporate, subnetwork: ml}}", teamCluster)
		out := w.emulator(t, "up", "guest")
		assert.Contains(t, out, `Answer  {"meta_info"`)
		w.shell(t, "guest", "pulumi preview --expect-no-changes")
		assert.NotContains(t, w.shell(t, "guest", "pulumi stack --show-urns"), "gcp:container/cluster:Cluster")
	})
	step("destroyed, it leaves all of it as it was", func(t *testing.T) {
		w.emulator(t, "down", "guest")
		assert.Equal(t, before, w.groundNow(t))
		assert.NotContains(t, w.shell(t, "guest", "kubectl get namespaces,crds -o name"), "sglang")
	})
	step("a platform in it, and two endpoints with models of their own", func(t *testing.T) {
		w.stackFile(t, "base", "layer: platform", teamCluster)
		assert.Contains(t, w.emulator(t, "up", "base"), "The platform is up")
		w.stackFile(t, "one", "layer: endpoint", "platform: organization/sglang-tpu/base")
		w.stackFile(t, "two", "layer: endpoint", "platform: organization/sglang-tpu/base", "model: Qwen/Qwen3-8B", "topology: 2x2x1")
		for _, stack := range []string{"one", "two"} {
			assert.Contains(t, w.emulator(t, "up", stack), `Answer  {"meta_info"`)
		}
		for _, stack := range []string{"base", "one", "two"} {
			w.shell(t, stack, "pulumi preview --expect-no-changes")
		}
		for stack, model := range map[string]string{"one": "Qwen/Qwen2.5-Coder-32B-Instruct", "two": "Qwen/Qwen3-8B"} {
			assert.Contains(t, w.shell(t, stack, "kubectl get lws -n sglang-"+stack+" -o jsonpath='{.items[*].spec.leaderWorkerTemplate.leaderTemplate.spec.containers[0].args}'"), model)
			nodes := w.shell(t, stack, "kubectl get pods -n sglang-"+stack+" -l leaderworkerset.sigs.k8s.io/name -o jsonpath='{range .items[*]}{.spec.nodeName} {end}'")
			own := w.shell(t, stack, "kubectl get nodes -l sglang-tpu/endpoint=sglang-tpu-"+stack+" -o jsonpath='{range .items[*]}{.metadata.name} {end}'")
			assert.ElementsMatch(t, strings.Fields(own), strings.Fields(nodes), stack)
		}
	})
	step("one of them is destroyed, and the other goes on answering", func(t *testing.T) {
		load := w.load(t, "one", 18431)
		w.emulator(t, "down", "two")
		asked, failed := load()
		fmt.Printf("    while the other endpoint was destroyed: %d requests, %d failed\n", asked, failed)
		assert.Greater(t, asked, 20)
		assert.Zero(t, failed)
		assert.NotContains(t, w.shell(t, "one", "kubectl get namespaces -o name"), "sglang-two")
	})
	step("an endpoint uses slice, controller, bucket, repository and account of others", func(t *testing.T) {
		w.stackFile(t, "tenant", `cluster: {existing: {name: team, nodePools: [team-slice], leaderWorkerSet: true}}`, "grantOnExisting: true",
			"cache: {bucket: team-models, prefix: mine/coder}", "image: {registry: projects/emulated-project/locations/us-central1/repositories/team-images}",
			"serviceAccounts: {builder: team-builder@emulated-project.iam.gserviceaccount.com}")
		assert.Contains(t, w.emulator(t, "up", "tenant"), `Answer  {"meta_info"`)
		w.shell(t, "tenant", "pulumi preview --expect-no-changes")
		assert.DirExists(t, filepath.Join(w.root, "buckets", "team-models", "mine", "coder", "huggingface"))
		assert.Contains(t, w.shell(t, "tenant", "pulumi stack output image"), "us-central1-docker.pkg.dev/emulated-project/team-images/sglang-jax:")
	})
	step("all destroyed, what others made is as it was", func(t *testing.T) {
		for _, stack := range []string{"tenant", "one", "base"} {
			w.emulator(t, "down", stack)
		}
		assert.Equal(t, before, w.groundNow(t))
		assert.NotContains(t, w.shell(t, "base", "kubectl get namespaces,crds -o name"), "sglang")
	})
	step("down leaves nothing", w.removeGround)
}

// load sends requests to the endpoint of a stack until the returned function is called, which
// returns the number of requests and of failures.
func (w *world) load(t *testing.T, stack string, port int) func() (asked, failed int) {
	t.Helper()
	stop := filepath.Join(w.root, "load.stop")
	script := fmt.Sprintf(`kubectl port-forward -n sglang-%s svc/sglang-leader-tpu %d:8000 >/dev/null & forward=$!
trap 'kill $forward' EXIT
until curl -sf -m 5 http://localhost:%[2]d/health >/dev/null; do sleep 0.2; done
while [ ! -e %[3]s ]; do
  if curl -sf -m 20 -X POST http://localhost:%[2]d/generate -H 'Content-Type: application/json' -d '{"text": "Hello", "sampling_params": {"max_new_tokens": 4}}' >/dev/null; then echo yes; else echo no; fi
  sleep 0.1
done`, stack, port, stop)
	cmd := w.command(context.Background(), "bash", "-c", script)
	cmd.Env = w.environ(stack)
	running, err := start(cmd)
	require.NoError(t, err)
	return func() (int, int) {
		require.NoError(t, os.WriteFile(stop, nil, 0o600))
		require.NoError(t, <-running.done)
		out := running.out.String()
		return strings.Count(out, "\n"), strings.Count(out, "no\n")
	}
}

func (w *world) removeGround(t *testing.T) {
	t.Helper()
	w.emulator(t, "ground", "remove")
	assert.Empty(t, strings.TrimSpace(w.emulator(t, "resources")))
}

// TestAdoption imports an existing cluster, its CPU pool and a slice into a stack.
func TestAdoption(t *testing.T) {
	parallel(t, 120)
	w := newWorld(t)
	w.emulator(t, "ground", filepath.Join("emulator", "e2e", "testdata", "ground.yaml"))
	const cluster = "projects/emulated-project/locations/us-central1/clusters/team"
	made := func() []string {
		var all []map[string]any
		require.NoError(t, json.Unmarshal([]byte(w.shell(t, "", "bin/emulator resources -v")), &all))
		var kept []string
		for _, r := range all {
			if id, _ := r["id"].(string); strings.HasPrefix(id, cluster) {
				text, err := json.Marshal(r)
				require.NoError(t, err)
				kept = append(kept, string(text))
			}
		}
		return kept
	}
	before := made()
	require.Len(t, before, 3)
	w.stackFile(t, "taken", "network: {existing: {project: network-team, network: corporate, subnetwork: ml, podsRange: ml-pods, servicesRange: ml-services}, controlPlane: 172.16.8.0/28}",
		fmt.Sprintf("adopt: {cluster: %[1]s, cluster-system: %[1]s/nodePools/general, slice-0: %[1]s/nodePools/team-slice}", cluster),
		"serviceAccounts: {nodes: team-nodes@emulated-project.iam.gserviceaccount.com}")
	out := w.emulator(t, "up", "taken")
	assert.Contains(t, out, `Answer  {"meta_info"`)
	assert.Contains(t, out, "= 3 imported")
	assert.Equal(t, before, made(), "nothing of it was changed or replaced")
	urns := w.shell(t, "taken", "pulumi stack --show-urns")
	assert.Contains(t, urns, "gcp:container/cluster:Cluster::cluster")
	w.shell(t, "taken", "pulumi preview --expect-no-changes")
	w.shell(t, "taken", "pulumi refresh --yes --skip-preview --expect-no-changes")
	out = w.emulator(t, "preview", "taken", "-c", "sglang-tpu:replicas=2")
	assert.NotContains(t, out, "replace", "another slice is made beside the adopted one")
	w.emulator(t, "up", "taken")
	w.emulator(t, "down", "taken")
	assert.Empty(t, made(), "what is in the stack ends with it")
	w.removeGround(t)
}
