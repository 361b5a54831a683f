package settings

import (
	"fmt"
	"regexp"
	"strings"

	"sglang-tpu/spec/serverimage"
)

var (
	commitHash = regexp.MustCompile(`^[0-9a-f]{40}$`)
	digest     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	imageTag   = regexp.MustCompile(`^\w[\w.-]{0,127}$`)
)

const imageKey = "sglang-tpu:image"

func (l *loader) checkImage() {
	i := l.Image
	// "Tags cannot be deleted or moved to a different image digest, and tagged images cannot
	// be deleted" (gcloud artifacts repositories update --help, --immutable-tags).
	for _, retired := range []struct {
		field string
		value any
	}{{".keepVersions", i.KeepVersions}, {".keepDays", i.KeepDays}} {
		if retired.value != nil {
			l.found.Add(imageKey+retired.field, fmt.Sprint(retired.value), "has no effect: image tags are immutable, and Artifact Registry does not delete tagged images of such a repository",
				"run: pulumi config rm --path "+imageKey+retired.field+" (docs/troubleshooting.md says how to delete images by hand)")
		}
	}
	if i.Source != serverimage.Build && i.Given() {
		l.found.Add(imageKey, "", "repository, commit, dockerfile and buildArgs are allowed only with source build", "remove them")
	}
	if i.Source != serverimage.Mirror && i.Version != "" {
		l.found.Add(imageKey+".version", i.Version, "is allowed only with source mirror", "remove it, or set source to mirror")
	}
	if i.Source != serverimage.Prebuilt && i.Reference != "" {
		l.found.Add(imageKey+".reference", i.Reference, "is allowed only with source prebuilt", "remove it, or set source to prebuilt")
	}
	switch i.Source {
	case serverimage.Build:
		l.checkBuild(i.Inputs)
	case serverimage.Mirror:
		l.checkVersion(i.Version)
	case serverimage.Prebuilt:
		if i.Reference == "" {
			l.found.Add(imageKey+".reference", "", "is empty, but source is prebuilt", "give the image's reference, preferably with its @sha256 digest")
		}
	}
}

// checkBuild checks inputs whose defaults are set.
func (l *loader) checkBuild(i serverimage.Inputs) {
	switch {
	case i.Commit == "": // there is no default in another repository
		l.found.Add(imageKey+".commit", "", "is empty, but image.repository is set, and the default commit is one of sglang-jax's own repository",
			"run: pulumi config set --path "+imageKey+".commit COMMIT, with the 40 hexadecimal digits that git rev-parse prints in that repository")
	case !commitHash.MatchString(i.Commit):
		l.found.Add(imageKey+".commit", i.Commit, "is not a commit: a branch or tag moves, so the same configuration would build different images",
			"use the 40 hexadecimal digits that git rev-parse prints")
	}
	if !strings.HasPrefix(i.Repository, "https://") {
		l.found.Add(imageKey+".repository", i.Repository, "is not an https address, and the builder can fetch no other", "use one such as https://github.com/sgl-project/sglang-jax.git")
	}
}

// checkVersion checks a version on Docker Hub.
func (l *loader) checkVersion(version string) {
	switch {
	case version == "":
		l.found.Add(imageKey+".version", "", "is empty, but source is mirror", "name a version on Docker Hub such as v0.1.0, or preferably its digest, sha256:...")
	case version == "latest":
		l.found.Add(imageKey+".version", version, "can move, so the pods of one group may run different images", "use a version such as v0.1.0, or a digest, sha256:...")
	case !digest.MatchString(version) && !imageTag.MatchString(version):
		l.found.Add(imageKey+".version", version, "is neither a tag nor a digest", "use a version such as v0.1.0, or a digest, sha256: and 64 hexadecimal digits")
	}
}
