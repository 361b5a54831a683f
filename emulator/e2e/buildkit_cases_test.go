package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Folders of programs that a build can be run with.
const (
	realPrograms     = "/buildkit/bin"
	emulatedPrograms = "/emulated"
)

// buildJob runs inside the container. The emulated builder must print what BuildKit prints.
func buildJob(t *testing.T) {
	var f fixtures
	text, err := os.ReadFile("/fixtures/fixtures.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &f))
	pod := f.Job.Spec.Template.Spec
	reference := variable(pod.Containers[0], "REFERENCE")
	image, tag, _ := strings.Cut(reference, ":")
	layers := regexp.MustCompile(`--import-cache type=registry,ref=(\S+)`).FindStringSubmatch(strings.Join(pod.Containers[0].Args, " "))
	require.NotNil(t, layers, "builds share layers")
	i := &internet{account: writerAccount, repository: filepath.Dir(image), layers: filepath.Dir(layers[1])}
	i.serve(t)
	installPrograms(t)

	refused := func(want string, replace ...string) func(t *testing.T) {
		return func(t *testing.T) {
			real, code := build(t, pod, realPrograms, replace...)
			require.Equal(t, 1, code, real)
			assert.Contains(t, lastError(real), want, real)
			emulated, code := build(t, pod, emulatedPrograms, replace...)
			require.Equal(t, 1, code, emulated)
			assert.Equal(t, lastError(real), lastError(emulated))
		}
	}
	as := func(account string, test func(t *testing.T)) func(t *testing.T) {
		return func(t *testing.T) {
			i.account = account
			defer func() { i.account = writerAccount }()
			test(t)
		}
	}
	none := strings.Repeat("0", 40)
	t.Run("a commit that does not exist", refused("error: failed to solve: failed to read dockerfile: failed to checkout remote ", f.Commits[0], none))
	t.Run("an account that may not push", as(readerAccount, refused(`error: failed to solve: failed to fetch oauth token: denied: Permission "artifactregistry.repositories.uploadArtifacts" denied`)))
	t.Run("a wrong password", as("", refused("error: failed to solve: failed to fetch oauth token: unauthorized: authentication failed")))
	t.Run("no login", refused("failed to fetch anonymous token: unexpected status from GET request to https://"+registryHost+"/v2/token?", `"$REGISTRY"`, "other"))
	t.Run("a repository that does not exist", refused("error: failed to solve: failed to push ", image+":", i.repository+"x/sglang-jax:"))

	t.Run("an image is built from the commit and pushed", func(t *testing.T) {
		out, code := build(t, pod, realPrograms)
		require.Zero(t, code, out)
		assert.Contains(t, out, "#1 [internal] load git source https://github.com/sgl-project/sglang-jax.git#"+f.Commits[0])
		assert.Positive(t, i.dead.Load(), "what login and the look for the image had was dead at the push")
		image, files := pushed(t, reference)
		assert.Equal(t, map[string]string{"srv/requirements.txt": "jax\n", "srv/server.py": "one\n"}, files)
		config, err := image.ConfigFile()
		require.NoError(t, err)
		assert.Equal(t, "linux/amd64", config.OS+"/"+config.Architecture)
		assert.Equal(t, map[string]string{"version": "0.1.0"}, config.Config.Labels, "the build argument has arrived")
		_, err = i.images.Config(readerAccount, reference)
		require.NoError(t, err, "a node can pull it")
		assert.Contains(t, out, "failed to configure registry cache importer: "+layers[1]+": not found", "nothing is there yet")
	})
	t.Run("another commit takes the layer that has not changed from the registry", func(t *testing.T) {
		out, code := build(t, pod, realPrograms, f.Commits[0], f.Commits[1], tag, "another")
		require.Zero(t, code, out)
		assert.Contains(t, out, " importing cache manifest from "+layers[1]+"\n")
		assert.Contains(t, out, " extracting sha256:", "nothing else is in a registry that it could extract")
		first, _ := pushed(t, reference)
		second, files := pushed(t, image+":another")
		assert.Equal(t, map[string]string{"srv/requirements.txt": "jax\n", "srv/server.py": "two\n"}, files)
		one, two := digests(t, first), digests(t, second)
		assert.Equal(t, one[0], two[0], "its files would be younger had they been copied again")
		assert.NotEqual(t, one[1], two[1])
	})
	t.Run("layers that cannot be left for others fail no build", func(t *testing.T) {
		i.layersReader = writerAccount
		defer func() { i.layersReader = "" }()
		for _, programs := range []string{realPrograms, emulatedPrograms} {
			name := "no-layers" + strings.ReplaceAll(programs, "/", "-")
			out, code := build(t, pod, programs, tag, name)
			require.Zero(t, code, out)
			assert.Contains(t, out, " ERROR: error writing layer blob: failed to authorize: failed to fetch oauth token: denied: Permission ")
			pushed(t, image+":"+name)
		}
		for _, missing := range []string{"", "-missing"} {
			// Without ignore-error, both builders end with the same error.
			change := []string{",ignore-error=true", "", layers[1], strings.Replace(layers[1], "/sglang-jax:", missing+"/sglang-jax:", 1)}
			real, code := build(t, pod, realPrograms, append(change, tag, "real"+missing)...)
			require.Equal(t, 1, code, real)
			emulated, code := build(t, pod, emulatedPrograms, append(change, tag, "emulated"+missing)...)
			require.Equal(t, 1, code, emulated)
			assert.Equal(t, lastError(real), lastError(emulated))
		}
	})
	t.Run("the next Job finds it", func(t *testing.T) {
		for _, programs := range []string{realPrograms, emulatedPrograms} {
			out, code := build(t, pod, programs)
			require.Zero(t, code, out)
			assert.Equal(t, reference+" is already there\n", out)
		}
	})
	t.Run("the tag does not move", func(t *testing.T) {
		// Two Jobs of which neither found an image.
		refused("unknown: cannot update tag "+tag+". The repository has enabled tag immutability", f.Commits[0], f.Commits[1], "/manifests/", "/manifests/not-")(t)
		_, files := pushed(t, reference)
		assert.Equal(t, map[string]string{"srv/requirements.txt": "jax\n", "srv/server.py": "one\n"}, files)
	})
}

// lastError returns the error of a build without digests, which may differ.
func lastError(out string) string {
	at := strings.LastIndex(out, "\nerror: ")
	return regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(strings.TrimSpace(out[max(at, 0):]), "sha256:...")
}

// installPrograms installs programs of the image that this machine may lack.
func installPrograms(t *testing.T) {
	t.Helper()
	require.NoError(t, os.MkdirAll("/programs", 0o755))
	for program, text := range map[string]string{
		"buildctl-daemonless.sh": `exec sh /buildkit/daemonless/buildctl-daemonless.sh "$@"`,
		// The daemon requires it at the start; builds from scratch run no container.
		"buildkit-runc": `echo "no container can be run here" >&2; exit 1`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join("/programs", program), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	}
	for _, program := range []string{"wget", "buildctl-daemonless.sh"} {
		require.NoError(t, os.Symlink("emulator", filepath.Join(emulatedPrograms, program)))
	}
	// The image has busybox. If this machine has it, too, it runs the scripts.
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		require.NoError(t, os.Symlink(filepath.Join(emulatedPrograms, "emulator"), "/programs/wget"))
		return
	}
	for _, applet := range []string{"sh", "wget", "sed", "base64", "tr", "awk", "cat", "chmod", "expr", "id", "mktemp", "rm", "sleep"} {
		require.NoError(t, os.Symlink(busybox, filepath.Join("/programs", applet)))
	}
}
