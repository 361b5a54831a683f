package settings

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The sources of an Image.
const (
	Build    = "build"
	Mirror   = "mirror"
	Prebuilt = "prebuilt"
)

// Image says which image the pods run. Source is one of the three; each field goes with
// one of them alone.
type Image struct {
	Source string `json:"source"` // empty: build

	Repository string            `json:"repository"` // build; https address
	Commit     string            `json:"commit"`     // build; 40 hexadecimal digits
	Dockerfile string            `json:"dockerfile"` // build
	BuildArgs  map[string]string `json:"buildArgs"`  // build
	// What earlier versions of this program took and could not keep: see checkImage.
	KeepVersions any `json:"keepVersions" retired:"true"`
	KeepDays     any `json:"keepDays" retired:"true"`

	Version string `json:"version"` // mirror; a tag such as v0.1.0, or sha256:...

	Reference string `json:"reference"` // prebuilt
}

var (
	commitHash = regexp.MustCompile(`^[0-9a-f]{40}$`)
	digest     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	imageTag   = regexp.MustCompile(`^\w[\w.-]{0,127}$`)
)

const imageKey = "sglang-tpu:image"

func checkImage(i Image) error {
	source := i.Source
	if source == "" {
		source = Build
	}
	var errs []error
	refuse := func(field, value, why, remedy string) {
		errs = append(errs, invalid(imageKey+field, value, why, remedy))
	}
	// "Tags cannot be deleted or moved to a different image digest, and tagged images cannot
	// be deleted" (gcloud artifacts repositories update --help, --immutable-tags).
	for _, retired := range []struct {
		field string
		value any
	}{{".keepVersions", i.KeepVersions}, {".keepDays", i.KeepDays}} {
		if retired.value != nil {
			refuse(retired.field, fmt.Sprint(retired.value), "deletes nothing: the tags of the images are immutable, and Artifact Registry deletes no tagged image of such a repository",
				"run: pulumi config rm --path "+imageKey+retired.field+" (README says how to delete images by hand)")
		}
	}
	if source != Build && (i.Repository+i.Commit+i.Dockerfile != "" || len(i.BuildArgs) > 0) {
		refuse("", "", "repository, commit, dockerfile and buildArgs go only with source build", "remove them")
	}
	if source != Mirror && i.Version != "" {
		refuse(".version", i.Version, "goes only with source mirror", "remove it, or set source to mirror")
	}
	if source != Prebuilt && i.Reference != "" {
		refuse(".reference", i.Reference, "goes only with source prebuilt", "remove it, or set source to prebuilt")
	}
	switch source {
	case Build:
		errs = append(errs, checkBuild(i))
	case Mirror:
		switch {
		case i.Version == "":
			refuse(".version", "", "is empty, but source is mirror", "name a version on Docker Hub such as v0.1.0, best its digest, sha256:...")
		case i.Version == "latest":
			refuse(".version", i.Version, "moves, so the pods of one group may come to run different images", "use a version such as v0.1.0, or a digest, sha256:...")
		case !digest.MatchString(i.Version) && !imageTag.MatchString(i.Version):
			refuse(".version", i.Version, "is neither a tag nor a digest", "use a version such as v0.1.0, or a digest, sha256: and 64 hexadecimal digits")
		}
	case Prebuilt:
		if i.Reference == "" {
			refuse(".reference", "", "is empty, but source is prebuilt", "give the image's reference, best with its @sha256 digest")
		}
	default:
		refuse(".source", i.Source, "is not an image source", "use build, mirror or prebuilt")
	}
	return errors.Join(errs...)
}

func checkBuild(i Image) error {
	var errs []error
	if i.Commit != "" && !commitHash.MatchString(i.Commit) {
		errs = append(errs, invalid(imageKey+".commit", i.Commit, "is not a commit: a branch or tag moves, so the same configuration would build different images",
			"use the 40 hexadecimal digits that git rev-parse prints"))
	}
	if i.Repository != "" && i.Commit == "" {
		errs = append(errs, invalid(imageKey+".commit", "", "is empty, but image.repository is set, and the commit that stands for none is one of sglang-jax's own repository",
			"run: pulumi config set --path "+imageKey+".commit COMMIT, the 40 hexadecimal digits that git rev-parse prints there"))
	}
	if i.Repository != "" && !strings.HasPrefix(i.Repository, "https://") {
		errs = append(errs, invalid(imageKey+".repository", i.Repository, "is not an https address, which is what the builder can fetch", "use one such as https://github.com/sgl-project/sglang-jax.git"))
	}
	return errors.Join(errs...)
}

// warnImage says what will work and surprise later.
func warnImage(i Image) []string {
	if i.Source != Prebuilt || strings.Contains(i.Reference, "@sha256:") {
		return nil
	}
	return []string{fmt.Sprintf("config %s.reference: %q can move: the pods of one group may come to run different images; use the reference with its @sha256 digest", imageKey, i.Reference)}
}
