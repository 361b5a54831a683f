package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// saved is a manifest on disk. go-containerregistry keeps manifests only in memory.
type saved struct {
	URL         string `json:"url"` // path of the push request
	ContentType string `json:"contentType"`
	Body        []byte `json:"body"`
}

// replay pushes a repository's saved manifests again. It repeats rejected ones, because an
// index is rejected until its parts exist.
func (r *Registry) replay(path, manifests string) error {
	var waiting []saved
	err := filepath.WalkDir(manifests, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var s saved
		if err := json.Unmarshal(text, &s); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		waiting = append(waiting, s)
		return nil
	})
	if err != nil {
		return err
	}
	for len(waiting) > 0 {
		var refused []saved
		for _, s := range waiting {
			if answer := r.put(path, s); answer.Code != http.StatusCreated {
				refused = append(refused, s)
			}
		}
		if len(refused) == len(waiting) {
			return fmt.Errorf("manifest %s refers to manifests that do not exist", refused[0].URL)
		}
		waiting = refused
	}
	return nil
}

func (r *Registry) put(path string, s saved) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPut, s.URL, bytes.NewReader(s.Body))
	req.Header.Set("Content-Type", s.ContentType)
	answer := httptest.NewRecorder()
	r.handler(path).ServeHTTP(answer, req)
	return answer
}

func (r *Registry) putManifest(w http.ResponseWriter, req *http.Request, path, image, reference string) {
	separator := ":"
	if strings.Contains(reference, ":") {
		separator = "@"
	}
	// go-containerregistry accepts any name, and names become paths on disk.
	if _, err := name.ParseReference(path+"/"+image+separator+reference, name.StrictValidation); err != nil || strings.Contains(image, "..") {
		refuse(w, http.StatusBadRequest, "NAME_INVALID", fmt.Sprintf("%q is not a reference", image+separator+reference))
		return
	}
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
	if separator == "@" && reference != digest.String() {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "the manifest's digest is "+digest.String())
		return
	}
	r.pushing.Lock()
	defer r.pushing.Unlock()
	if r.moves(path, req.URL.Path, digest) {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", "cannot update tag "+reference+". The repository has enabled tag immutability")
		return
	}
	s := saved{URL: req.URL.Path, ContentType: req.Header.Get("Content-Type"), Body: body}
	answer := r.put(path, s)
	if answer.Code == http.StatusCreated {
		if err := r.save(path, image, reference, s); err != nil {
			refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
			return
		}
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // it fails only if the client has disconnected
}

// moves reports whether a push would move an immutable tag.
func (r *Registry) moves(path, url string, digest v1.Hash) bool {
	existing := httptest.NewRecorder()
	r.handler(path).ServeHTTP(existing, httptest.NewRequest(http.MethodHead, url, nil))
	project, repository, _ := parts(url)
	return existing.Code == http.StatusOK && existing.Header().Get("Docker-Content-Digest") != digest.String() &&
		r.access.ImmutableTags(project, repository)
}

// save saves a manifest atomically.
func (r *Registry) save(path, image, reference string, s saved) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	file := filepath.Join(r.folder(path), "manifests", filepath.FromSlash(image), reference+".json")
	// The temporary file is outside of the folder that replay reads.
	temporary := filepath.Join(r.folder(path), "manifest")
	return errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(temporary, text, 0o600), os.Rename(temporary, file))
}
