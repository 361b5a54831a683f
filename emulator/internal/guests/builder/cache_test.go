package builder

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLayersAreCachedInARepositoryWithMutableTags(t *testing.T) {
	w := newWorld(t, writer)
	w.login(t)
	build := func(name, export string) (string, int) {
		args := append(arguments("sglang-jax:one", "sglang-jax:"+name), "--import-cache", "type=registry,ref="+layers+"/sglang-jax:cache", "--export-cache", export)
		for i := range args {
			args[i] = strings.Replace(args[i], commit, strings.Replace(commit, "c", name[:1], 1), 1) // another image
		}
		return w.run(t, nil, "buildctl-daemonless.sh", args...)
	}
	export := "type=registry,ref=" + layers + "/sglang-jax:cache,mode=max"
	output, code := build("aaa", export)
	require.Zero(t, code, output)
	require.Contains(t, output, "failed to configure registry cache importer: "+layers+"/sglang-jax:cache: not found")
	require.Contains(t, output, "#6 DONE")
	output, code = build("bbb", export)
	require.Zero(t, code, output)
	require.Contains(t, output, "#5 CACHED")
	require.Contains(t, output, "#6 DONE")

	elsewhere := "type=registry,ref=us-central1-docker.pkg.dev/p/none/sglang-jax:cache"
	output, code = build("ddd", elsewhere)
	require.Equal(t, 1, code, output)
	require.Contains(t, output, "error: failed to solve: error writing layer blob: unexpected status from POST request to ")
	output, code = build("eee", elsewhere+",ignore-error=true")
	require.Zero(t, code, output)
	require.Contains(t, output, "#6 ERROR: error writing layer blob")
	for export, want := range map[string]string{"type=gha": `unknown cache exporter: "gha"`, "type=registry": "ref is required"} {
		output, code = build("fff", export)
		require.Equal(t, 1, code, output)
		require.Contains(t, output, want)
	}
}
