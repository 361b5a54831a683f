package builder

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const commit = "cddbf6f1cc33cbdd453bd8f36ff7051cf46ca176"

// arguments returns the build Job's arguments, with one replaced.
func arguments(old, replacement string) []string {
	args := []string{
		"build", "--progress", "plain", "--frontend", "dockerfile.v0",
		"--opt", "context=https://github.com/sgl-project/sglang-jax.git#" + commit,
		"--opt", "filename=Dockerfile", "--opt", "platform=linux/amd64",
		"--opt", "build-arg:SETUPTOOLS_SCM_PRETEND_VERSION=0.1.0",
		"--output", "type=image,name=" + ref + ",push=true",
	}
	for i := range args {
		if old != "" {
			args[i] = strings.Replace(args[i], old, replacement, 1)
		}
	}
	return args
}

func jobEnv() []string {
	return []string{"REFERENCE=" + ref, "MANIFEST=https://us-central1-docker.pkg.dev/v2/p/r/sglang-jax/manifests/one"}
}

func TestTheJobsScriptsBuildOnce(t *testing.T) {
	w := newWorld(t, writer)
	w.login(t)
	output, code := w.script(t, "build.sh", jobEnv(), arguments("", "")...)
	require.Zero(t, code, output)
	require.Contains(t, output, "#1 [internal] load git source https://github.com/sgl-project/sglang-jax.git#"+commit)

	config, err := w.registry.Config(reader, ref)
	require.NoError(t, err)
	require.Equal(t, "https://github.com/sgl-project/sglang-jax", config.Config.Labels["org.opencontainers.image.source"])
	require.Equal(t, commit, config.Config.Labels["org.opencontainers.image.revision"])
	require.Equal(t, "linux/amd64", config.OS+"/"+config.Architecture)

	output, code = w.script(t, "build.sh", jobEnv(), arguments("", "")...)
	require.Zero(t, code, output)
	require.Equal(t, ref+" is already there\n", output)
	require.EqualValues(t, 1, w.builds.Load(), "what is there is not built")
}

// A token that was stored in the Docker configuration before the build.
func TestATokenFromBeforeALongBuildHasExpiredAtThePush(t *testing.T) {
	w := newWorld(t, writer)
	auth := base64.StdEncoding.EncodeToString([]byte("oauth2accesstoken:" + token + writer))
	require.NoError(t, os.WriteFile(filepath.Join(w.config, "config.json"), []byte(`{"auths":{"us-central1-docker.pkg.dev":{"auth":"`+auth+`"}}}`), 0o600))
	output, code := w.run(t, nil, "buildctl-daemonless.sh", arguments("", "")...)
	require.Equal(t, 1, code, output)
	require.Contains(t, output, "error: failed to solve: failed to fetch oauth token: unauthorized: authentication failed")
	require.Zero(t, w.builds.Load())
}

func TestTheCredentialHelperSpeaksDockersProtocol(t *testing.T) {
	w := newWorld(t, writer)
	w.login(t)
	helper := filepath.Join(w.config, "docker-credential-metadata")
	output, code := w.run(t, nil, helper, "get")
	require.Zero(t, code, output)
	require.JSONEq(t, `{"ServerURL":"","Username":"oauth2accesstoken","Secret":"`+token+writer+`"}`, output)
	for _, other := range []string{"store", "erase"} {
		output, code = w.run(t, nil, helper, other)
		require.Zero(t, code, output)
		require.Empty(t, output)
	}
	text, err := os.ReadFile(filepath.Join(w.config, "config.json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"credHelpers":{"us-central1-docker.pkg.dev":"metadata"}}`, string(text), "no token is written down")
}

func TestTheJobFailsWithoutTheWritersRole(t *testing.T) {
	w := newWorld(t, reader)
	w.login(t)
	output, code := w.script(t, "build.sh", jobEnv(), arguments("", "")...)
	require.Equal(t, 1, code, output)
	require.Contains(t, output, "wget: server returned error: HTTP/1.1 404 Not Found")
	require.Contains(t, output, "error: failed to solve: failed to fetch oauth token: denied: no permission\n")
	_, err := w.registry.Config(reader, ref)
	require.ErrorContains(t, err, "not found")
}

func TestEqualInputsMakeEqualImages(t *testing.T) {
	w := newWorld(t, writer)
	w.login(t)
	for range 2 { // the tag is immutable, so another digest would be rejected
		output, code := w.run(t, nil, "buildctl-daemonless.sh", arguments("", "")...)
		require.Zero(t, code, output)
	}
	output, code := w.run(t, nil, "buildctl-daemonless.sh", arguments("=0.1.0", "=0.2.0")...)
	require.Equal(t, 1, code, output)
	require.Contains(t, output, "cannot update tag one. The repository has enabled tag immutability")
}

func TestBuildctlRefuses(t *testing.T) {
	w := newWorld(t, writer)
	w.login(t)
	for title, test := range map[string]struct {
		args []string
		want string
	}{
		"no arguments":            {nil, "No help topic for ''"},
		"an unknown flag":         {arguments("--progress", "--colour"), "flag provided but not defined: colour"},
		"a flag without a value":  {[]string{"build", "--opt"}, "flag needs an argument: --opt"},
		"an option without =":     {arguments("filename=", "filename"), "invalid value filename"},
		"another frontend":        {arguments("dockerfile.v0", "toml"), `failed to solve: no solver for frontend "toml"`},
		"a branch":                {arguments("#"+commit, "#main"), "failed to solve: failed to load git source"},
		"a context without a pin": {arguments("#"+commit, ""), "failed to solve: failed to load git source"},
		"a commit that is none":   {arguments("#"+commit, "#"+strings.Repeat("0", 40)), "fatal: reference is not a tree: 0000000000000000000000000000000000000000"},
		"a local context":         {arguments("https://github.com/", "/src/"), "failed to solve: failed to load git source"},
		"no name":                 {arguments(",name="+ref, ""), "failed to solve: the output must be"},
		"no push":                 {arguments(",push=true", ""), "failed to solve: the output must be"},
		"a name that is none":     {arguments(ref, "UPPER/Case:x"), "failed to solve: invalid reference"},
		"another platform":        {arguments("amd64", "arm64"), "no worker for platform"},
		"an unknown repository":   {arguments("/p/r/", "/p/other/"), "failed to push us-central1-docker.pkg.dev/p/other/sglang-jax:one: unknown: Repository not found"},
	} {
		t.Run(title, func(t *testing.T) {
			output, code := w.run(t, nil, "buildctl-daemonless.sh", test.args...)
			require.Equal(t, 1, code, output)
			require.Contains(t, output, "error: ")
			require.Contains(t, output, test.want)
			require.NotContains(t, output, "goroutine")
		})
	}
}

func TestBuildctlNeedsALogin(t *testing.T) {
	const anonymous = "error: failed to solve: failed to fetch anonymous token: unexpected status from GET request to https://us-central1-docker.pkg.dev/v2/token?"
	for title, test := range map[string]struct{ config, want string }{
		"none":                 {"", anonymous},
		"one that is not JSON": {"{", "error: failed to solve: failed to push " + ref},
		"one for another host": {`{"auths":{"x.io":{"auth":"YTpi"}}}`, anonymous},
	} {
		t.Run(title, func(t *testing.T) {
			w := newWorld(t, writer)
			if test.config != "" {
				require.NoError(t, os.WriteFile(filepath.Join(w.config, "config.json"), []byte(test.config), 0o600))
			}
			output, code := w.run(t, []string{"HOME=" + t.TempDir()}, "buildctl-daemonless.sh", arguments("", "")...)
			require.Equal(t, 1, code, output)
			require.Contains(t, output, test.want)
			require.NotContains(t, output, "goroutine")
		})
	}
}

func TestWget(t *testing.T) {
	w := newWorld(t, writer)
	var port string
	for _, value := range w.env {
		if after, ok := strings.CutPrefix(value, "POD_PORT="); ok {
			port = after
		}
	}
	const tokenURL = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
	for title, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"a token":           {[]string{"-q", "-O", "-", "--header", "Metadata-Flavor: Google", tokenURL}, 0, `"access_token":"` + token + writer + `"`},
		"a missing header":  {[]string{"-q", "-O", "-", tokenURL}, 1, "wget: server returned error: HTTP/1.1 403 Forbidden"},
		"a missing path":    {[]string{"-q", "-O", "-", "http://metadata.google.internal/x"}, 1, "wget: server returned error: HTTP/1.1 404 Not Found"},
		"no login":          {[]string{"-q", "-O", "-", "https://us-central1-docker.pkg.dev/v2/"}, 1, "wget: server returned error: HTTP/1.1 401 Unauthorized"},
		"a pod":             {[]string{"-q", "-O", "-", "http://server:" + port + "/"}, 0, "hello server:" + port},
		"an unknown host":   {[]string{"-q", "-O", "-", "http://nowhere/"}, 1, "wget: bad address 'nowhere'"},
		"a host outside":    {[]string{"-q", "-O", "-", "https://server/"}, 1, "wget: bad address 'server'"},
		"no address":        {[]string{"-q", "-O", "-"}, 1, "wget: not an http or ftp url"},
		"an unknown option": {[]string{"-Z", tokenURL}, 1, "wget: unrecognized option '-Z'"},
		"a bad header":      {[]string{"--header", "x", tokenURL}, 1, "wget: bad header 'x'"},
	} {
		t.Run(title, func(t *testing.T) {
			output, code := w.run(t, nil, "wget", test.args...)
			require.Equal(t, test.code, code, output)
			require.Contains(t, output, test.want)
		})
	}
}

func TestWgetWritesBelowTheContainersRoot(t *testing.T) {
	w := newWorld(t, writer)
	root := t.TempDir()
	args := []string{"-q", "-O", "/answer", "--header", "Metadata-Flavor: Google", "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"}
	output, code := w.run(t, []string{"EMULATOR_ROOT=" + root}, "wget", args...)
	require.Zero(t, code, output)
	text, err := os.ReadFile(filepath.Join(root, "answer"))
	require.NoError(t, err)
	require.Contains(t, string(text), writer)
}

func TestWgetWithoutADaemon(t *testing.T) {
	w := newWorld(t, writer)
	for _, url := range []string{"http://metadata.google.internal/", "https://us-central1-docker.pkg.dev/v2/"} {
		output, code := w.run(t, []string{"EMULATOR_SOCKET=/nowhere"}, "wget", "-q", "-O", "-", url)
		require.Equal(t, 1, code, output)
		require.True(t, strings.HasPrefix(output, "wget: "), output)
	}
}
