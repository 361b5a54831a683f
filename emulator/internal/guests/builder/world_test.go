package builder

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/core/registry"
	"sglang-tpu/emulator/internal/socket/sockettest"
)

const (
	pod    = "cluster/build/build-1"
	path   = "us-central1-docker.pkg.dev/p/r"
	ref    = path + "/sglang-jax:one"
	layers = "us-central1-docker.pkg.dev/p/layers"
	reader = "reader@p.iam.gserviceaccount.com"
	writer = "writer@p.iam.gserviceaccount.com"
	token  = "ya29.emulated."
)

// TestMain runs the container's programs, like the emulator's main.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "wget":
		os.Exit(Wget(os.Args[1:]))
	case "buildctl-daemonless.sh":
		os.Exit(Buildctl(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// access expires tokens when the builder requests it.
type access struct{ generation *atomic.Int32 }

func (a access) Expired(bearer string) bool {
	return a.generation.Load() > 0 && !strings.HasPrefix(bearer, fmt.Sprintf("%s%d.", token, a.generation.Load()))
}

func (access) RepositoryAllowed(email, asked string, push bool) error {
	switch {
	case asked != path && asked != layers:
		return errors.New("name unknown: Repository not found")
	case email == writer, email == reader && !push:
		return nil
	}
	return errors.New("denied: no permission")
}

func (access) ImmutableTags(_, repository string) bool { return repository == "r" }

func (access) RemoteRepository(string, string) bool { return false }

// world is a daemon on a Unix socket, with a registry.
type world struct {
	registry *registry.Registry
	account  string // for which the metadata server issues tokens; empty: it fails
	env      []string
	programs string // folder for PATH
	config   string // $DOCKER_CONFIG
	builds   atomic.Int32
}

func newWorld(t *testing.T, account string) *world {
	t.Helper()
	generation := &atomic.Int32{}
	images, err := registry.Open(t.TempDir(), access{generation})
	require.NoError(t, err)
	w := &world{registry: images, account: account, programs: t.TempDir(), config: t.TempDir()}
	atRegistry := httptest.NewServer(images)
	t.Cleanup(atRegistry.Close)
	atPod := httptest.NewServer(http.HandlerFunc(func(res http.ResponseWriter, req *http.Request) {
		_, _ = res.Write([]byte("hello " + req.Host))
	}))
	t.Cleanup(atPod.Close)
	_, podPort, err := net.SplitHostPort(atPod.Listener.Addr().String())
	require.NoError(t, err)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /registry-address", func(res http.ResponseWriter, _ *http.Request) {
		answer(res, map[string]string{"address": atRegistry.Listener.Addr().String()})
	})
	mux.HandleFunc("GET /resolve", func(res http.ResponseWriter, req *http.Request) {
		if req.FormValue("pod") != pod || req.FormValue("host") != "server" {
			http.Error(res, req.FormValue("host")+": Name or service not known", http.StatusNotFound)
			return
		}
		answer(res, map[string]string{"address": "127.0.0.1"})
	})
	mux.HandleFunc("GET /metadata/computeMetadata/v1/instance/service-accounts/default/token", func(res http.ResponseWriter, req *http.Request) {
		if w.account == "" || req.Header.Get("Metadata-Flavor") != "Google" || req.Header.Get("X-Emulator-Pod") != pod {
			http.Error(res, "no token", http.StatusForbidden)
			return
		}
		of := w.account
		if n := generation.Load(); n > 0 {
			of = fmt.Sprintf("%d.%s", n, of)
		}
		answer(res, map[string]any{"access_token": token + of, "expires_in": 3599, "token_type": "Bearer"})
	})
	mux.HandleFunc("POST /tokens/expire", func(res http.ResponseWriter, req *http.Request) {
		if req.Header.Get("X-Emulator-Pod") != pod {
			http.Error(res, "no such pod", http.StatusNotFound)
			return
		}
		generation.Add(1)
		answer(res, struct{}{})
	})
	mux.HandleFunc("POST /counters/builds", func(res http.ResponseWriter, _ *http.Request) {
		w.builds.Add(1)
		answer(res, struct{}{})
	})
	socket := sockettest.Serve(t, mux)

	binary, err := os.Executable()
	require.NoError(t, err)
	for _, program := range []string{"wget", "buildctl-daemonless.sh"} {
		require.NoError(t, os.Symlink(binary, filepath.Join(w.programs, program)))
	}
	w.env = []string{
		"PATH=" + w.config + ":" + w.programs + ":/usr/bin:/bin", "EMULATOR_SOCKET=" + socket, "EMULATOR_POD=" + pod,
		"DOCKER_CONFIG=" + w.config, "POD_PORT=" + podPort,
	}
	return w
}

func answer(res http.ResponseWriter, body any) { _ = json.NewEncoder(res).Encode(body) }

// run runs a program in the container's environment.
func (w *world) run(t *testing.T, env []string, program string, args ...string) (output string, code int) {
	t.Helper()
	if !strings.Contains(program, "/") && program != "sh" {
		program = filepath.Join(w.programs, program)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(append([]string{}, w.env...), env...)
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// script runs a script of the build Job, like its containers.
func (w *world) script(t *testing.T, name string, env []string, args ...string) (string, int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../../../infra/image", name))
	require.NoError(t, err)
	return w.run(t, env, "sh", append([]string{"-c", string(text), "build"}, args...)...)
}

// login writes the Docker configuration with the real script.
func (w *world) login(t *testing.T) {
	t.Helper()
	helper, err := os.ReadFile("../../../../infra/image/credential.sh")
	require.NoError(t, err)
	output, code := w.script(t, "login.sh", []string{"REGISTRY=us-central1-docker.pkg.dev"}, string(helper))
	require.Zero(t, code, output)
}
