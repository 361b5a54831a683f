package registry

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

const (
	host   = "us-central1-docker.pkg.dev"
	path   = host + "/p/r"
	image  = path + "/server"
	reader = "reader@p.iam.gserviceaccount.com"
	writer = "writer@p.iam.gserviceaccount.com"
)

// fakeAccess has one repository.
type fakeAccess struct{ immutable, remote bool }

// Expired reports tokens of generation 1 as expired.
func (fakeAccess) Expired(token string) bool { return strings.HasPrefix(token, "ya29.emulated.1.") }

func (fakeAccess) RepositoryAllowed(email, asked string, push bool) error {
	switch {
	case asked != path:
		return errors.New(`name unknown: Repository "x" not found`)
	case email == writer, email == reader && !push:
		return nil
	}
	return errors.New("denied: no permission")
}

func (a fakeAccess) ImmutableTags(string, string) bool { return a.immutable }

func (a fakeAccess) RemoteRepository(string, string) bool { return a.remote }

func open(t *testing.T, dir string, immutable bool) *Registry {
	t.Helper()
	r, err := Open(dir, fakeAccess{immutable: immutable})
	require.NoError(t, err)
	return r
}

// edge sends requests to the registry in plain HTTP and preserves their Host header.
type edge struct{ address string }

func (e edge) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := req.Clone(req.Context())
	sent.Host = req.URL.Host
	sent.URL.Scheme, sent.URL.Host = "http", e.address
	res, err := http.DefaultTransport.RoundTrip(sent)
	if err == nil {
		res.Request = req // a relative Location is relative to the original URL
	}
	return res, err
}

func options(t *testing.T, r http.Handler, email string) []remote.Option {
	t.Helper()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return []remote.Option{
		remote.WithTransport(edge{server.Listener.Addr().String()}),
		remote.WithAuth(&authn.Basic{Username: "oauth2accesstoken", Password: "ya29.emulated." + email}),
	}
}

func labelled(t *testing.T, value string) v1.Image {
	t.Helper()
	layer, err := random.Layer(64, "application/vnd.docker.image.rootfs.diff.tar.gzip")
	require.NoError(t, err)
	built, err := mutate.AppendLayers(empty.Image, layer)
	require.NoError(t, err)
	built, err = mutate.Config(built, v1.Config{Labels: map[string]string{"made": value}})
	require.NoError(t, err)
	return built
}

func push(t *testing.T, r http.Handler, email, reference string, built v1.Image) error {
	t.Helper()
	ref, err := name.ParseReference(reference)
	require.NoError(t, err)
	return remote.Write(ref, built, options(t, r, email)...)
}

func TestPermissions(t *testing.T) {
	r := open(t, t.TempDir(), false)
	require.NoError(t, push(t, r, writer, image+":1", labelled(t, "one")))
	require.ErrorContains(t, push(t, r, reader, image+":2", labelled(t, "two")), "DENIED")
	require.ErrorContains(t, push(t, r, "", image+":2", labelled(t, "two")), "UNAUTHORIZED: authentication failed")
	require.ErrorContains(t, push(t, r, writer, host+"/p/x/server:1", labelled(t, "two")), "NAME_UNKNOWN")

	ref, err := name.ParseReference(image + ":1")
	require.NoError(t, err)
	_, err = remote.Image(ref, options(t, r, reader)...)
	require.NoError(t, err)
	_, err = remote.Image(ref, options(t, r, "stranger@p.iam.gserviceaccount.com")...)
	require.ErrorContains(t, err, "DENIED")
	require.ErrorContains(t, remote.Delete(ref, options(t, r, writer)...), "artifactregistry.versions.delete")
}

func TestRequestsWithoutALogin(t *testing.T) {
	for title, login := range map[string][2]string{
		"nobody":                           {"", ""},
		"another user's name":              {"admin", "ya29.emulated." + writer},
		"an unknown token":                 {"oauth2accesstoken", "secret"},
		"a password where a token belongs": {"oauth2accesstoken", "ya29.emulated." + writer},
	} {
		t.Run(title, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodGet, "https://"+host+"/v2/", nil)
			req.SetBasicAuth(login[0], login[1])
			answer := httptest.NewRecorder()
			open(t, t.TempDir(), false).ServeHTTP(answer, req)
			require.Equal(t, http.StatusUnauthorized, answer.Code)
			require.Equal(t, `Bearer realm="https://`+host+`/v2/token",service="`+host+`"`, answer.Header().Get("WWW-Authenticate"))
		})
	}
}

func TestImmutableTags(t *testing.T) {
	one, two := labelled(t, "one"), labelled(t, "two")
	for title, test := range map[string]struct {
		immutable bool
		next      v1.Image
		refusal   string
	}{
		"the same digest is accepted":           {immutable: true, next: one},
		"another digest is refused":             {immutable: true, next: two, refusal: "cannot update tag 1. The repository has enabled tag immutability"},
		"a mutable tag moves to another digest": {next: two},
	} {
		t.Run(title, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, push(t, open(t, dir, test.immutable), writer, image+":1", one))
			r := open(t, dir, test.immutable) // the tag must be known after a restart, too
			err := push(t, r, writer, image+":1", test.next)
			if test.refusal != "" {
				require.ErrorContains(t, err, test.refusal)
				require.ErrorContains(t, err, "MANIFEST_INVALID")
				requireMade(t, r, image+":1", "one")
				return
			}
			require.NoError(t, err)
		})
	}
}

func requireMade(t *testing.T, r *Registry, reference, value string) {
	t.Helper()
	config, err := r.Config(reader, reference)
	require.NoError(t, err)
	require.Equal(t, value, config.Config.Labels["made"])
}

func TestImagesSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	built := labelled(t, "one")
	require.NoError(t, push(t, open(t, dir, true), writer, image+":1", built))
	digest, err := built.Digest()
	require.NoError(t, err)
	r := open(t, dir, true)
	requireMade(t, r, image+":1", "one")
	requireMade(t, r, image+"@"+digest.String(), "one")
}

func TestIndexesSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	index, err := random.Index(64, 1, 3)
	require.NoError(t, err)
	// The index is replayed before the manifests to which it refers.
	ref, err := name.ParseReference(image + ":0")
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(ref, index, options(t, open(t, dir, true), writer)...))
	_, err = remote.Index(ref, options(t, open(t, dir, true), reader)...)
	require.NoError(t, err)
}

func TestADeletedRepositoryIsGone(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, true)
	require.NoError(t, push(t, r, writer, image+":1", labelled(t, "one")))
	require.NoError(t, r.DeleteRepository(path))
	require.NoDirExists(t, filepath.Join(dir, path))
	_, err := r.Config(reader, image+":1")
	require.ErrorContains(t, err, "not found")
	require.NoError(t, push(t, r, writer, image+":1", labelled(t, "two")), "a repository of that name can be made again")
	requireMade(t, r, image+":1", "two")
}

func TestDeletingNeedsACompletePath(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, false)
	require.NoError(t, push(t, r, writer, image+":1", labelled(t, "one")))
	for _, bad := range []string{"", ".", host, host + "/p", host + "/p/..", "../../x"} {
		require.Error(t, r.DeleteRepository(bad), bad)
	}
	requireMade(t, r, image+":1", "one")
}

func TestConfigFailsWithTheRuntimesErrors(t *testing.T) {
	r := open(t, t.TempDir(), false)
	require.NoError(t, push(t, r, writer, image+":1", labelled(t, "one")))
	for title, test := range map[string]struct{ email, reference, want string }{
		"no such tag":        {reader, image + ":2", image + ":2: not found"},
		"no such repository": {reader, host + "/p/x/server:1", host + "/p/x/server:1: not found"},
		"no role": {
			"stranger@p.iam.gserviceaccount.com", image + ":1",
			"failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://" + host + "/v2/token?scope=repository%3Ap%2Fr%2Fserver%3Apull&service=" + host + ": 403 Forbidden",
		},
	} {
		t.Run(title, func(t *testing.T) {
			_, err := r.Config(test.email, test.reference)
			require.EqualError(t, err, `failed to pull and unpack image "`+test.reference+`": failed to resolve reference "`+test.reference+`": `+test.want)
		})
	}
}

func TestRejectedManifestsLeaveNothingOnDisk(t *testing.T) {
	for title, url := range map[string]string{
		"a name that leaves the repository": "/v2/p/r/../../../../out/manifests/1",
		"a digest of something else":        "/v2/p/r/server/manifests/sha256:" + strings.Repeat("0", 64),
		"an index that is not JSON":         "/v2/p/r/server/manifests/1",
	} {
		t.Run(title, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "registry")
			r := open(t, dir, false)
			req := httptest.NewRequest(http.MethodPut, "/", strings.NewReader("not JSON"))
			req.URL.Path, req.Host = url, host
			req.Header.Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			req.Header.Set("Authorization", "Bearer ya29.emulated."+writer)
			answer := httptest.NewRecorder()
			r.ServeHTTP(answer, req)
			body, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusBadRequest, answer.Code, string(body))
			require.NoError(t, filepath.WalkDir(parent, func(file string, entry os.DirEntry, err error) error {
				if err == nil && !entry.IsDir() {
					t.Errorf("left %s", file)
				}
				return err
			}))
		})
	}
}

func TestARemoteRepositoryHasWhatDockerHubHas(t *testing.T) {
	r, err := Open(t.TempDir(), fakeAccess{remote: true})
	require.NoError(t, err)
	for _, version := range []string{":v0.1.0", ":latest", "@sha256:" + strings.Repeat("ab", 32)} {
		config, err := r.Config(reader, path+"/lmsysorg/sglang-jax"+version)
		require.NoError(t, err, version)
		require.Equal(t, "https://github.com/sgl-project/sglang-jax", config.Config.Labels["org.opencontainers.image.source"])
	}
	for _, unknown := range []string{"lmsysorg/sglang-jax:nightly", "lmsysorg/other:v0.1.0", "sglang-jax:v0.1.0", "lmsysorg/sglang-jax@sha256:" + strings.Repeat("0", 64)} {
		_, err := r.Config(reader, path+"/"+unknown)
		require.ErrorContains(t, err, unknown+": not found")
	}
	_, err = r.Config("stranger@p.iam.gserviceaccount.com", path+"/lmsysorg/sglang-jax:v0.1.0")
	require.ErrorContains(t, err, "403 Forbidden")
	require.ErrorContains(t, push(t, r, writer, image+":1", labelled(t, "one")), "Pushing to a remote repository is not supported")
}
