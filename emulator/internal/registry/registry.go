// Package registry is Artifact Registry's Docker side: go-containerregistry's registry
// a repository, on disk, behind Google's permissions.
package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"sglang-tpu/emulator/internal/cloud"
)

// Access is what the cloud says of accounts and repositories. path is such as
// us-central1-docker.pkg.dev/project/repository.
type Access interface {
	RepositoryAllowed(email, path string, push bool) error
	ImmutableTags(project, repository string) bool
}

// Registry serves every host by the Host header of a request.
type Registry struct {
	dir    string
	access Access

	mu       sync.Mutex
	handlers map[string]http.Handler // by path
}

// Open serves what is in a folder.
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

// saved is one manifest on disk; the library keeps them in memory only.
type saved struct {
	URL         string `json:"url"` // path of the request
	ContentType string `json:"contentType"`
	Body        []byte `json:"body"`
}

func (r *Registry) replay(path, manifests string) error {
	handler := r.handler(path)
	return filepath.WalkDir(manifests, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var s saved
		if err := json.Unmarshal(text, &s); err != nil {
			return err
		}
		req := httptest.NewRequest(http.MethodPut, s.URL, bytes.NewReader(s.Body))
		req.Header.Set("Content-Type", s.ContentType)
		handler.ServeHTTP(httptest.NewRecorder(), req)
		return nil
	})
}

func (r *Registry) folder(path string) string { return filepath.Join(r.dir, filepath.FromSlash(path)) }

func (r *Registry) handler(path string) http.Handler {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.handlers[path]
	if h == nil {
		if err := os.MkdirAll(filepath.Join(r.folder(path), "blobs"), 0o700); err != nil {
			log.Printf("registry: %v", err) // each upload will say so again
		}
		h = registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(filepath.Join(r.folder(path), "blobs"))),
			registry.Logger(log.New(io.Discard, "", 0)))
		r.handlers[path] = h
	}
	return h
}

// DeleteRepository removes host/project/repository with all its images.
func (r *Registry) DeleteRepository(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.handlers, path)
	return os.RemoveAll(r.folder(path))
}

// ServeHTTP is the OCI distribution API.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, token, _ := req.BasicAuth()
	email := cloud.Email(token)
	if email == "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+req.Host+`"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication failed")
		return
	}
	project, repository, rest := parts(req.URL.Path)
	if rest == "" { // the version check, before anything is named
		w.WriteHeader(http.StatusOK)
		return
	}
	path := req.Host + "/" + project + "/" + repository
	push := req.Method != http.MethodGet && req.Method != http.MethodHead
	if err := r.access.RepositoryAllowed(email, path, push); err != nil {
		if strings.HasPrefix(err.Error(), "name unknown") {
			refuse(w, http.StatusNotFound, "NAME_UNKNOWN", err.Error())
			return
		}
		refuse(w, http.StatusForbidden, "DENIED", err.Error())
		return
	}
	image, tag, isManifest := strings.Cut(rest, "/manifests/")
	if !isManifest || req.Method != http.MethodPut {
		r.handler(path).ServeHTTP(w, req)
		return
	}
	r.putManifest(w, req, path, image, tag)
}

// parts takes /v2/project/repository/rest apart.
func parts(url string) (project, repository, rest string) {
	project, rest, _ = strings.Cut(strings.TrimPrefix(url, "/v2/"), "/")
	repository, rest, _ = strings.Cut(rest, "/")
	return project, repository, rest
}

func (r *Registry) putManifest(w http.ResponseWriter, req *http.Request, path, image, tag string) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	digest, _, err := v1.SHA256(bytes.NewReader(body))
	if err != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	project, repository, _ := parts(req.URL.Path)
	existing := httptest.NewRecorder()
	r.handler(path).ServeHTTP(existing, httptest.NewRequest(http.MethodHead, req.URL.Path, nil))
	if existing.Code == http.StatusOK && existing.Header().Get("Docker-Content-Digest") != digest.String() && r.access.ImmutableTags(project, repository) {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", "cannot update tag "+tag+". The repository has enabled tag immutability")
		return
	}
	text, err := json.Marshal(saved{URL: req.URL.Path, ContentType: req.Header.Get("Content-Type"), Body: body})
	if err == nil {
		file := filepath.Join(r.folder(path), "manifests", filepath.FromSlash(image), strings.ReplaceAll(tag, ":", "-")+".json")
		err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, text, 0o600))
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	r.handler(path).ServeHTTP(w, req)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The only error is a client that went away.
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": message}}})
}
