package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/tools"
)

// versionBefore changes the program to an earlier release of the LeaderWorkerSet controller,
// with its image and definition.
func versionBefore(version string) []mutation {
	return []mutation{
		{"kubernetes:helm.sh/v4:Chart", []string{"values", "image", "manager", "tag"}, []string{"v" + version}},
		{"kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", []string{
			"spec", "versions", "*", "schema", "openAPIV3Schema", "properties", "status", "properties", "observedGeneration",
		}, nil},
	}
}

// probeSet is a LeaderWorkerSet that becomes ready only if controller and webhooks work.
const probeSet = `kubectl delete --ignore-not-found --wait leaderworkerset/probe -n default && kubectl apply -n default -f - <<'END'
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata: {name: probe}
spec:
  replicas: 1
  leaderWorkerTemplate:
    size: 2
    workerTemplate:
      spec: {containers: [{name: pause, image: registry.k8s.io/pause}]}
END
kubectl wait -n default --for=jsonpath='{.status.readyReplicas}'=1 leaderworkerset/probe --timeout 2m && kubectl delete --wait leaderworkerset/probe -n default`

// controllerVersions downgrades the controller below a serving group to the release before the
// pinned one, and upgrades it again.
func (w *world) controllerVersions(t *testing.T) {
	version := tools.LWSBefore[0].Version
	folder := filepath.Join(w.checkout, "emulator", "tools")
	require.NoError(t, tools.Ensure(context.Background(), layout.Layout{Root: w.root}, folder, tools.LWSBefore, os.Stdout))
	module, err := tools.ModuleFolder(context.Background(), folder, tools.LWSBefore[0].Folder, "sigs.k8s.io/lws")
	require.NoError(t, err)

	kept := func() string {
		return w.shell(t, "prod", "kubectl get crd leaderworkersets.leaderworkerset.x-k8s.io -o jsonpath='{.metadata.uid} '; "+
			"kubectl get leaderworkerset sglang-tpu-cluster -o jsonpath='{.metadata.uid} '; "+
			"kubectl get pods -l leaderworkerset.sigs.k8s.io/name=sglang-tpu-cluster -o jsonpath='{range .items[*]}{.metadata.uid} {.status.containerStatuses[0].restartCount} {end}'")
	}
	definition := func() string {
		return w.shell(t, "prod", "kubectl get crd leaderworkersets.leaderworkerset.x-k8s.io -o jsonpath='{.spec.versions[0].schema.openAPIV3Schema.properties.status.properties.observedGeneration.type}'")
	}
	// The command line is the chart's, so only the file shows the version.
	controllers := func() (files []string) {
		for _, process := range w.processes() {
			pid, _, _ := strings.Cut(process, " ")
			file, err := os.Readlink(filepath.Join("/proc", pid, "exe"))
			if name := filepath.Base(file); err == nil && strings.HasPrefix(name, tools.LWSManager) {
				files = append(files, name)
			}
		}
		return files
	}
	require.Equal(t, []string{tools.LWSManager}, controllers())
	at := kept()
	require.Len(t, strings.Fields(at), 6, "definition, set, and two pods that have not restarted: %s", at)
	l := w.startClients(t, "prod", 2)

	up := w.upOf(t, "prod", []string{"sglang-tpu:lwsChart=" + filepath.Join(module, "charts", "lws")}, versionBefore(version)...)
	require.NoError(t, <-up.done, up.out)
	assert.Equal(t, []string{tools.LWSManager + "-" + version}, controllers())
	assert.Empty(t, definition(), "the definition is that of %s", version)
	w.shell(t, "prod", probeSet)
	assert.Equal(t, at, kept(), "after %s took over", version)

	w.emulator(t, "up", "prod")
	assert.Equal(t, []string{tools.LWSManager}, controllers())
	assert.Equal(t, "integer", definition(), "the definition is that of the pinned one")
	w.shell(t, "prod", probeSet)
	assert.Equal(t, at, kept(), "after the pinned one took over")

	all := l.finish()
	account(t, "another controller takes over, and the pinned one again", all)
	for _, r := range all {
		assert.NoError(t, r.err)
	}
	w.shell(t, "prod", "pulumi preview --expect-no-changes")
}
