// Package serverimage says which image of the model server the pods run, what it is built
// from, and its tag.
package serverimage

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Where an image comes from.
const (
	Build    = "build"    // built inside the cluster from a pinned commit
	Mirror   = "mirror"   // published on Docker Hub, through a repository in front of it
	Prebuilt = "prebuilt" // any reference
)

// Image is the image of the model server. The fields of each source go with that source
// alone.
type Image struct {
	// Where the image comes from: build builds it inside the cluster from a pinned commit; mirror takes a version of
	// lmsysorg/sglang-jax through a mirror of Docker Hub; prebuilt runs a reference as it is.
	Source string `json:"source" noun:"an image source" jsonschema:"default=build,enum=build,enum=mirror,enum=prebuilt"`

	Inputs

	// Tag, such as v0.1.0, or digest, sha256:..., of lmsysorg/sglang-jax. Only with source mirror.
	Version string `json:"version"`
	// Reference of the image, best with its @sha256 digest. Only with source prebuilt.
	Reference string `json:"reference"`
	// Repository of Artifact Registry that exists, to push built images to instead of one of the stack's own:
	// projects/P/locations/L/repositories/R. Only with source build.
	Registry string `json:"registry"`

	// Settings of earlier versions of this program, which could not keep what they promised.
	KeepVersions any `json:"keepVersions" jsonschema:"-"`
	KeepDays     any `json:"keepDays" jsonschema:"-"`
}

// Inputs are everything that decides what a built image contains.
type Inputs struct {
	// https address of the git repository. The default is sglang-jax's own. Only with source build.
	Repository string `json:"repository"`
	// Commit to build, 40 hexadecimal digits; not a branch or tag, which can move. The default is the commit that this
	// program was written for. Only with source build.
	Commit string `json:"commit"`
	// Path of the Dockerfile in the repository. The default is Dockerfile. Only with source build.
	Dockerfile string `json:"dockerfile"`
	// Build arguments, NAME: value. The default is SETUPTOOLS_SCM_PRETEND_VERSION alone. Only with source build.
	BuildArgs map[string]string `json:"buildArgs"`
}

// Platform of every image: the machines of tpu7x.
const Platform = "linux/amd64"

// Default is the server at the commit that this program was written against. The
// build argument is needed because a git context carries no history from which
// setuptools-scm could tell the version.
func Default() Inputs {
	return Inputs{
		Repository: "https://github.com/sgl-project/sglang-jax.git",
		Commit:     "cddbf6f1cc33cbdd453bd8f36ff7051cf46ca176",
		Dockerfile: "Dockerfile",
		BuildArgs:  map[string]string{"SETUPTOOLS_SCM_PRETEND_VERSION": "0.1.0"},
	}
}

// WithDefaults fills in what is left out. The default commit is one of the default
// repository: with another, a commit that is left out stays so.
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

// Tag is the first 12 digits of the commit, for people, and 8 of a hash over all
// inputs, so that equal inputs have equal tags and others never share one.
func (i Inputs) Tag() string {
	// The names are part of the hash: other ones would build every image again.
	text, _ := json.Marshal(struct { // encoding cannot fail for strings, and sorts the map
		Repository, Commit, Dockerfile string
		BuildArgs                      map[string]string
		Platform                       string
	}{i.Repository, i.Commit, i.Dockerfile, i.BuildArgs, Platform})
	sum := sha256.Sum256(text)
	return i.Commit[:min(12, len(i.Commit))] + "-" + hex.EncodeToString(sum[:])[:8]
}
