// Package serverimage says what the image of the model server is built from, and its tag.
package serverimage

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Source is everything that decides what an image contains.
type Source struct {
	Repository string            // https address of a git repository
	Commit     string            // 40 hexadecimal digits: a branch moves
	Dockerfile string            // path in the repository
	BuildArgs  map[string]string // may be nil
	Platform   string            // such as linux/amd64
}

// Default is the server at the commit that this program was written against. The
// build argument is needed because a git context carries no history from which
// setuptools-scm could tell the version.
func Default() Source {
	return Source{
		Repository: "https://github.com/sgl-project/sglang-jax.git",
		Commit:     "cddbf6f1cc33cbdd453bd8f36ff7051cf46ca176",
		Dockerfile: "Dockerfile",
		BuildArgs:  map[string]string{"SETUPTOOLS_SCM_PRETEND_VERSION": "0.1.0"},
		Platform:   "linux/amd64",
	}
}

// Tag is the first 12 digits of the commit, for people, and 8 of a hash over all
// inputs, so that equal inputs have equal tags and others never share one.
func (s Source) Tag() string {
	// Encoding cannot fail for strings, and sorts the map.
	text, _ := json.Marshal(s)
	sum := sha256.Sum256(text)
	return s.Commit[:min(12, len(s.Commit))] + "-" + hex.EncodeToString(sum[:])[:8]
}
