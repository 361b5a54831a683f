// Package serverimage says which image of the model server the pods run, what it is built
// from, and its tag.
package serverimage

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// Where an image comes from.
const (
	Build    = "build"    // built inside the cluster from a pinned commit
	Mirror   = "mirror"   // published on Docker Hub, pulled through a repository that caches it
	Prebuilt = "prebuilt" // any reference
)

// Image is the image of the model server. Some fields are allowed only with one source. Only
// the registry is also a setting of a platform.
type Image struct {
	// Where the image comes from: build builds it inside the cluster from a pinned commit; mirror takes a version of
	// lmsysorg/sglang-jax through a mirror of Docker Hub; prebuilt runs a reference as it is.
	Source string `json:"source" layer:"endpoint" noun:"an image source" jsonschema:"default=build,enum=build,enum=mirror,enum=prebuilt"`

	Inputs

	// Tag, such as v0.1.0, or digest, sha256:..., of lmsysorg/sglang-jax. Only with source mirror.
	Version string `json:"version" layer:"endpoint"`
	// Reference of the image, preferably with its @sha256 digest. Only with source
	// prebuilt.
	Reference string `json:"reference" layer:"endpoint"`
	// Existing Artifact Registry repository to push built images to, instead of creating one:
	// projects/P/locations/L/repositories/R. Only with source build.
	Registry string `json:"registry" layer:"all"`

	// Settings of earlier versions of this program, which had no effect.
	KeepVersions any `json:"keepVersions" layer:"endpoint" jsonschema:"-"`
	KeepDays     any `json:"keepDays" layer:"endpoint" jsonschema:"-"`
}

// Inputs are everything that determines the content of a built image.
type Inputs struct {
	// https address of the git repository. The default is sglang-jax's own. Only with source build.
	Repository string `json:"repository" layer:"endpoint"`
	// Commit to build, 40 hexadecimal digits; not a branch or tag, which can move. The default is the commit that this
	// program was written for. Only with source build.
	Commit string `json:"commit" layer:"endpoint"`
	// Path of the Dockerfile in the repository. The default is Dockerfile. Only with source build.
	Dockerfile string `json:"dockerfile" layer:"endpoint"`
	// Build arguments, NAME: value. The default is SETUPTOOLS_SCM_PRETEND_VERSION alone. Only with source build.
	BuildArgs map[string]string `json:"buildArgs" layer:"endpoint"`
}

// Platform of every image: the machines of tpu7x.
const Platform = "linux/amd64"

// Default returns the inputs of the commit that this program was written for. The build
// argument is needed because a git context has no history from which setuptools-scm could
// derive the version.
func Default() Inputs {
	return Inputs{
		Repository: "https://github.com/sgl-project/sglang-jax.git",
		Commit:     "cddbf6f1cc33cbdd453bd8f36ff7051cf46ca176",
		Dockerfile: "Dockerfile",
		BuildArgs:  map[string]string{"SETUPTOOLS_SCM_PRETEND_VERSION": "0.1.0"},
	}
}

// WithDefaults sets defaults for empty fields. The default commit belongs to the default
// repository: with another repository, an empty commit stays empty.
func (i Inputs) WithDefaults() Inputs {
	d := Default()
	if i.Repository == "" {
		i.Repository, i.Commit = d.Repository, cmp.Or(i.Commit, d.Commit)
	}
	i.Dockerfile = cmp.Or(i.Dockerfile, d.Dockerfile)
	if i.BuildArgs == nil {
		i.BuildArgs = d.BuildArgs
	}
	return i
}

// Given reports whether any of the inputs is set.
func (i Inputs) Given() bool {
	return i.Repository+i.Commit+i.Dockerfile != "" || len(i.BuildArgs) > 0
}

// Tag returns the first 12 digits of the commit, for people, and 8 of a hash over all
// inputs, so that equal inputs have equal tags and different inputs have different ones.
func (i Inputs) Tag() string {
	// The field names are part of the hash: renaming one would rebuild every image.
	text, _ := json.Marshal(struct { // encoding cannot fail for strings, and sorts the map
		Repository, Commit, Dockerfile string
		BuildArgs                      map[string]string
		Platform                       string
	}{i.Repository, i.Commit, i.Dockerfile, i.BuildArgs, Platform})
	sum := sha256.Sum256(text)
	return i.Commit[:min(12, len(i.Commit))] + "-" + hex.EncodeToString(sum[:])[:8]
}

// published is the server's repository on Docker Hub.
const published = "lmsysorg/sglang-jax"

// Published is the server's image on Docker Hub, without the registry's host. Its version
// is a tag, or a digest that begins with sha256:.
func Published(version string) string {
	if strings.HasPrefix(version, "sha256:") {
		return published + "@" + version
	}
	return published + ":" + version
}
