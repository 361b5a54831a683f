package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"

	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/tools"
)

const (
	gitHost      = "github.com"
	registryHost = "us-central1-docker.pkg.dev"
	metadataHost = "metadata.google.internal"
)

// TestBuildJobOnRealBuildKit runs the two containers of the build Job in a preview, with the
// real buildkitd and git. In their container, the names of GitHub, Artifact Registry and the
// metadata server resolve to servers of this test: a repository whose build needs no base
// image, and the emulator's registry, both with TLS.
func TestBuildJobOnRealBuildKit(t *testing.T) {
	if os.Getenv(containerVar) != "" {
		c, err := enter()
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		if !c.Probe {
			buildJob(t)
		}
		return
	}
	parallel(t, 35)
	w := newWorld(t)
	c := container{Parent: filepath.Join(w.root, "root"), Hosts: []string{gitHost, registryHost, metadataHost}}
	require.NoError(t, os.Mkdir(c.Parent, 0o700))
	if why := c.impossible(); why != "" {
		t.Skipf("this host cannot run BuildKit: %s. It takes a user namespace in which file systems can be mounted: user.max_user_namespaces above 0, "+
			"kernel.apparmor_restrict_unprivileged_userns 0 where it exists, and a container runtime that allows both if the tests run in a container", why)
	}
	c.Shared = realBuildKit(t, w)
	for inside, name := range map[string]string{"/git": "git", "/pki": "pki", "/fixtures": "fixtures"} {
		c.Shared[inside] = filepath.Join(w.root, name)
		require.NoError(t, os.MkdirAll(c.Shared[inside], 0o700))
	}
	c.Trust = filepath.Join(c.Shared["/pki"], "bundle.crt")
	f := fixtures{Commits: commits(t, filepath.Join(c.Shared["/git"], "sgl-project", "sglang-jax.git"), filepath.Join(w.root, "work-tree"))}
	f.Job = w.buildJobOf(t, f.Commits[0])
	f.write(t, c.Shared["/fixtures"])
	authority, err := kube.OpenAuthority(c.Shared["/pki"], c.Trust)
	require.NoError(t, err)
	_, _, err = authority.Issue(c.Shared["/pki"], "server", "server", nil, []string{gitHost, registryHost})
	require.NoError(t, err)

	self, err := os.Executable()
	require.NoError(t, err)
	cmd, err := c.command(self, "-test.run=^TestBuildJobOnRealBuildKit$", "-test.v", "-test.timeout=5m")
	require.NoError(t, err)
	cmd.Env = append(cmd.Env, "SSL_CERT_FILE=", "SSL_CERT_DIR=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	entries, err := os.ReadDir(c.Parent)
	require.NoError(t, err)
	require.Empty(t, entries, "of the container nothing is left")
	w.requireNothingLeft(t)
}

// impossible returns why containers cannot be created on this machine; empty if they can.
func (c container) impossible() string {
	c.Probe = true
	cmd, err := c.command("/proc/self/exe", "-test.run=^TestBuildJobOnRealBuildKit$")
	if err != nil {
		return err.Error()
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return strings.TrimSpace(err.Error() + "\n" + string(out))
	}
	if path, err := exec.Command("git", "--exec-path").Output(); err != nil || !exists(filepath.Join(strings.TrimSpace(string(path)), "git-http-backend")) {
		return "git http-backend is missing"
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// realBuildKit builds missing tools and returns the files that the container needs.
func realBuildKit(t *testing.T, w *world) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	l := layout.Layout{Root: w.root}
	modules := filepath.Join(w.checkout, "emulator", "tools")
	require.NoError(t, tools.Ensure(ctx, l, modules, tools.BuildKit, os.Stdout))
	module, err := tools.ModuleFolder(ctx, modules, "buildkit", "github.com/moby/buildkit")
	require.NoError(t, err)
	shared := map[string]string{
		"/emulated/emulator":   filepath.Join(w.checkout, "bin", "emulator"),
		"/buildkit/daemonless": filepath.Join(module, "examples", "buildctl-daemonless"),
	}
	for _, tool := range tools.BuildKit {
		file, err := filepath.EvalSymlinks(filepath.Join(l.Bin(), tool.Name))
		require.NoError(t, err)
		shared["/buildkit/bin/"+tool.Name] = file
	}
	return shared
}

// commits creates a repository with two commits whose builds need no base image.
func commits(t *testing.T, bare, tree string) []string {
	t.Helper()
	git := func(args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", tree)
	var made []string
	for _, text := range []string{"one\n", "two\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(tree, "Dockerfile"), []byte("FROM scratch\nARG SETUPTOOLS_SCM_PRETEND_VERSION\nCOPY requirements.txt /srv/\nCOPY server.py /srv/\nLABEL version=$SETUPTOOLS_SCM_PRETEND_VERSION\n"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(tree, "requirements.txt"), []byte("jax\n"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(tree, "server.py"), []byte(text), 0o600))
		git("-C", tree, "add", ".")
		git("-C", tree, "commit", "-q", "-m", strings.TrimSpace(text))
		made = append(made, git("-C", tree, "rev-parse", "HEAD"))
	}
	git("clone", "-q", "--bare", tree, bare)
	return made
}

// buildJobOf returns the build Job in a preview of the stack with another commit.
func (w *world) buildJobOf(t *testing.T, commit string) batchv1.Job {
	t.Helper()
	w.emulator(t, "start", "-c", fmt.Sprintf(`sglang-tpu:image={"commit":%q}`, commit))
	out := w.shell(t, "dev", "pulumi preview --json 2>/dev/null")
	w.emulator(t, "stop")
	var preview struct {
		Steps []struct {
			NewState struct {
				Type   string          `json:"type"`
				Inputs json.RawMessage `json:"inputs"`
			} `json:"newState"`
		} `json:"steps"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &preview), out)
	for _, step := range preview.Steps {
		if step.NewState.Type != "kubernetes:batch/v1:Job" {
			continue
		}
		var job batchv1.Job
		require.NoError(t, json.Unmarshal(step.NewState.Inputs, &job))
		if strings.HasPrefix(job.Spec.Template.Spec.Containers[0].Image, "moby/buildkit:v"+tools.BuildKit[0].Version+"-") {
			return job
		}
	}
	require.Fail(t, "no Job of the preview runs the BuildKit that is built here", out)
	return batchv1.Job{}
}

// fixtures are the inputs of the test inside the container.
type fixtures struct {
	Job     batchv1.Job
	Commits []string
}

func (f fixtures) write(t *testing.T, dir string) {
	t.Helper()
	text, err := json.Marshal(f)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "fixtures.json"), text, 0o600))
}
