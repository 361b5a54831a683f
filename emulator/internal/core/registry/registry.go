// Package registry emulates the Docker API of Artifact Registry. It stores each repository on
// disk in a registry of go-containerregistry, and checks IAM permissions.
package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Access has the state of the cloud that the registry needs. cloud.Cloud implements it.
type Access interface {
	// RepositoryAllowed returns an error unless an account may pull from, or push to, a
	// repository such as us-central1-docker.pkg.dev/project/repository.
	RepositoryAllowed(email, path string, push bool) error
	// ImmutableTags reports whether a repository forbids moving tags.
	ImmutableTags(project, repository string) bool
	// Expired reports whether an access token has expired.
	Expired(token string) bool
	// RemoteRepository reports whether a repository is a pull-through cache of Docker Hub.
	RemoteRepository(project, repository string) bool
}

// Registry serves all hosts, which it distinguishes by the Host header.
type Registry struct {
	dir    string
	access Access

	mu       sync.Mutex
	handlers map[string]http.Handler // by path
	pushing  sync.Mutex              // serializes pushes of manifests, for immutable tags
}

// Open opens the registry that is stored in a folder.
func Open(dir string, access Access) (*Registry, error) {
	r := &Registry{dir: dir, access: access, handlers: map[string]http.Handler{}}
	found, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "manifests"))
	if err != nil {
		return nil, err
	}
	for _, manifests := range found {
		path, err := filepath.Rel(dir, filepath.Dir(manifests))
		if err != nil {
			return nil, err
		}
		if err := r.replay(filepath.ToSlash(path), manifests); err != nil {
			return nil, fmt.Errorf("registry %s: %w", path, err)
		}
	}
	return r, nil
}

func (r *Registry) folder(path string) string { return filepath.Join(r.dir, filepath.FromSlash(path)) }

func (r *Registry) blobs(path string) string { return filepath.Join(r.folder(path), "blobs") }

func (r *Registry) handler(path string) http.Handler {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.handlers[path]
	if h == nil {
		h = registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(r.blobs(path))),
			registry.Logger(log.New(io.Discard, "", 0)))
		r.handlers[path] = h
	}
	return h
}

// repositoryPath matches paths that cannot lead outside of the registry's folder.
var repositoryPath = regexp.MustCompile(`^[a-z0-9][a-z0-9.:-]*/[a-z0-9][a-z0-9.:-]*/[a-z0-9][a-z0-9-]*$`)

// DeleteRepository deletes host/project/repository with all its images.
func (r *Registry) DeleteRepository(path string) error {
	if !repositoryPath.MatchString(path) {
		return fmt.Errorf("%q is not host/project/repository", path)
	}
	r.pushing.Lock()
	defer r.pushing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.handlers, path)
	return os.RemoveAll(r.folder(path))
}

// ServeHTTP implements the OCI distribution API.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == tokenPath {
		r.token(w, req)
		return
	}
	email := r.bearer(req)
	if email == "" {
		challenge(w, req)
		return
	}
	if strings.TrimSuffix(req.URL.Path, "/") == "/v2" { // the API version check
		w.WriteHeader(http.StatusOK)
		return
	}
	project, repository, rest := parts(req.URL.Path)
	path := req.Host + "/" + project + "/" + repository
	push := req.Method != http.MethodGet && req.Method != http.MethodHead
	err := r.access.RepositoryAllowed(email, path, push)
	switch {
	case unknown(err):
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", reason(err))
		return
	case err != nil:
		refuse(w, http.StatusForbidden, "DENIED", reason(err))
		return
	case req.Method == http.MethodDelete:
		// Neither the reader nor the writer role has this permission.
		refuse(w, http.StatusForbidden, "DENIED", `Permission "artifactregistry.versions.delete" denied on resource "`+path+`" (or it may not exist)`)
		return
	}
	if push && r.access.RemoteRepository(project, repository) {
		refuse(w, http.StatusBadRequest, "DENIED", "Pushing to a remote repository is not supported: "+path)
		return
	}
	if push {
		// The disk handler creates only subfolders of this folder.
		if err := os.MkdirAll(r.blobs(path), 0o700); err != nil {
			refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
			return
		}
	}
	image, reference, isManifest := strings.Cut(rest, "/manifests/")
	if isManifest && req.Method == http.MethodPut {
		r.putManifest(w, req, path, image, reference)
		return
	}
	r.handler(path).ServeHTTP(w, req)
}

// unknown reports whether an error of RepositoryAllowed is for a repository that does not
// exist.
func unknown(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "name unknown") }

// reason returns an error's text without the code, which is a separate field in JSON.
func reason(err error) string {
	_, why, _ := strings.Cut(err.Error(), ": ")
	return why
}

// parts splits /v2/project/repository/rest.
func parts(url string) (project, repository, rest string) {
	project, rest, _ = strings.Cut(strings.TrimPrefix(url, "/v2/"), "/")
	repository, rest, _ = strings.Cut(rest, "/")
	return project, repository, rest
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// It fails only if the client has disconnected.
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": message}}})
}
