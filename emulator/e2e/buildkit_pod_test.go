package e2e

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"sglang-tpu/emulator/internal/core/registry"
)

const (
	writerAccount = "writer@p.iam.gserviceaccount.com"
	readerAccount = "reader@p.iam.gserviceaccount.com"
	emulatedToken = "ya29.emulated."
)

// imageEnv is the environment of the rootless BuildKit image.
var imageEnv = []string{
	"HOME=/home/user", "USER=user", "XDG_RUNTIME_DIR=/run/user/1000", "TMPDIR=/home/user/.local/tmp",
	"BUILDKIT_HOST=unix:///run/user/1000/buildkit/buildkitd.sock",
}

// internet serves GitHub, Artifact Registry and the metadata server for the container.
type internet struct {
	account      string // whose tokens the metadata server returns
	repository   string // repository of images, with immutable tags
	layers       string // repository of the layer cache
	layersReader string // account that must not write to layers
	images       *registry.Registry
	handedOut    atomic.Int32 // number of the last token
	dead         atomic.Int32 // number of the last expired token
}

// Expired reports tokens as expired that were issued before the Job has looked for its image: a
// build may take longer than a token is valid.
func (i *internet) Expired(token string) bool {
	var n int32
	_, err := fmt.Sscanf(token, emulatedToken+"%d.", &n)
	return err == nil && n <= i.dead.Load()
}

// RepositoryAllowed lets one account read, and another read and write.
func (i *internet) RepositoryAllowed(email, path string, push bool) error {
	if path != i.repository && path != i.layers {
		return fmt.Errorf("name unknown: Repository %q not found", filepath.Base(path))
	}
	mayPush := email == writerAccount && (path != i.layers || email != i.layersReader)
	if mayPush || !push && (email == writerAccount || email == readerAccount) {
		return nil
	}
	return fmt.Errorf(`denied: Permission "artifactregistry.repositories.uploadArtifacts" denied on resource %q (or it may not exist)`, path)
}

// RemoteRepository returns false.
func (*internet) RemoteRepository(string, string) bool { return false }

// ImmutableTags returns true only for the repository of images.
func (i *internet) ImmutableTags(_, repository string) bool {
	return repository == filepath.Base(i.repository)
}

// serve serves until the container ends.
func (i *internet) serve(t *testing.T) {
	t.Helper()
	var err error
	i.images, err = registry.Open("/registry", i)
	require.NoError(t, err)
	core, err := exec.Command("git", "--exec-path").Output()
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc(registryHost+"/", func(w http.ResponseWriter, r *http.Request) {
		i.images.ServeHTTP(w, r)
		if _, image, _ := strings.Cut(i.repository, "/"); r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v2/"+image+"/sglang-jax/manifests/") {
			i.dead.Store(i.handedOut.Load())
		}
	})
	mux.Handle(gitHost+"/", &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"), Stderr: io.Discard,
		Env: []string{"GIT_PROJECT_ROOT=/git", "GIT_HTTP_EXPORT_ALL=1"},
	})
	mux.HandleFunc("GET "+metadataHost+"/computeMetadata/v1/instance/service-accounts/default/token", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata-Flavor") != "Google" {
			http.Error(w, "a header is missing", http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprintf("%s%d.%s", emulatedToken, i.handedOut.Add(1), i.account), "expires_in": 3599, "token_type": "Bearer"})
	})
	go func() { panic(http.ListenAndServeTLS("127.0.0.1:443", "/pki/server.crt", "/pki/server.key", mux)) }()
	go func() { panic(http.ListenAndServe("127.0.0.1:80", mux)) }()
}

// build runs both containers of a new pod, one after the other, until one fails. replace are
// pairs of a text in their commands, arguments and environment, and its replacement. programs
// is the first folder on PATH.
func build(t *testing.T, pod corev1.PodSpec, programs string, replace ...string) (output string, code int) {
	t.Helper()
	for _, dir := range []string{"/home/user/.local/tmp", "/run/user/1000"} {
		require.NoError(t, os.MkdirAll(dir, 0o700))
	}
	containers := append(append([]corev1.Container{}, pod.InitContainers...), pod.Containers...)
	for _, container := range containers {
		for _, mount := range container.VolumeMounts {
			require.NoError(t, os.RemoveAll(mount.MountPath))
			require.NoError(t, os.MkdirAll(mount.MountPath, 0o700))
		}
	}
	t.Setenv("PATH", programs+":/programs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	for _, container := range containers {
		if output, code = run(t, container, strings.NewReplacer(replace...)); code != 0 {
			break
		}
	}
	return output, code
}

func run(t *testing.T, container corev1.Container, replacer *strings.Replacer) (output string, code int) {
	t.Helper()
	var line []string
	for _, word := range append(append([]string{}, container.Command...), container.Args...) {
		line = append(line, replacer.Replace(word))
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(append([]string{}, imageEnv...), "PATH="+os.Getenv("PATH"))
	for _, pair := range container.Env {
		cmd.Env = append(cmd.Env, pair.Name+"="+replacer.Replace(pair.Value))
	}
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// variable returns the value of a container's environment variable.
func variable(container corev1.Container, name string) string {
	for _, pair := range container.Env {
		if pair.Name == name {
			return pair.Value
		}
	}
	return ""
}

// pushed pulls an image and reads its files.
func pushed(t *testing.T, reference string) (v1.Image, map[string]string) {
	t.Helper()
	ref, err := name.ParseReference(reference)
	require.NoError(t, err)
	image, err := remote.Image(ref, remote.WithAuth(&authn.Basic{Username: "oauth2accesstoken", Password: emulatedToken + readerAccount}))
	require.NoError(t, err)
	files := map[string]string{}
	content := mutate.Extract(image)
	defer content.Close()
	for reader := tar.NewReader(content); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return image, files
		}
		require.NoError(t, err)
		if header.Typeflag == tar.TypeReg {
			text, err := io.ReadAll(reader)
			require.NoError(t, err)
			files[header.Name] = string(text)
		}
	}
}

// digests returns the digests of an image's layers, the lowest first.
func digests(t *testing.T, image v1.Image) []string {
	t.Helper()
	layers, err := image.Layers()
	require.NoError(t, err)
	var all []string
	for _, layer := range layers {
		digest, err := layer.Digest()
		require.NoError(t, err)
		all = append(all, digest.String())
	}
	return all
}
