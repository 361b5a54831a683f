package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Image says which image the pods run.
type Image struct {
	Source     string            `json:"source"`    // build or prebuilt
	Reference  string            `json:"reference"` // only with prebuilt
	Repository string            `json:"repository"`
	Commit     string            `json:"commit"` // 40 hexadecimal digits
	Dockerfile string            `json:"dockerfile"`
	BuildArgs  map[string]string `json:"buildArgs"`
}

var commitHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

func checkImage(i Image) error {
	const key = "sglang-tpu:image"
	var errs []error
	switch i.Source {
	case "prebuilt":
		if i.Reference == "" {
			errs = append(errs, invalid(key+".reference", "", "is empty, but source is prebuilt", "give the image's reference, best with its @sha256 digest"))
		}
		if i.Repository+i.Commit+i.Dockerfile != "" || len(i.BuildArgs) > 0 {
			errs = append(errs, invalid(key, "", "repository, commit, dockerfile and buildArgs go only with source build", "remove them"))
		}
	case "", "build":
		if i.Reference != "" {
			errs = append(errs, invalid(key+".reference", i.Reference, "goes only with source prebuilt", "remove it, or set source to prebuilt"))
		}
		if i.Commit != "" && !commitHash.MatchString(i.Commit) {
			errs = append(errs, invalid(key+".commit", i.Commit, "is not a commit: a branch or tag moves, so the same configuration would build different images",
				"use the 40 hexadecimal digits that git rev-parse prints"))
		}
		if i.Repository != "" && !strings.HasPrefix(i.Repository, "https://") {
			errs = append(errs, invalid(key+".repository", i.Repository, "is not an https address, which is what the builder can fetch", "use one such as https://github.com/sgl-project/sglang-jax.git"))
		}
	default:
		errs = append(errs, invalid(key+".source", i.Source, "is not an image source", "use build or prebuilt"))
	}
	return errors.Join(errs...)
}

// warnImage says what will work and surprise later.
func warnImage(i Image) []string {
	if i.Source != "prebuilt" || strings.Contains(i.Reference, "@sha256:") {
		return nil
	}
	return []string{fmt.Sprintf("config sglang-tpu:image.reference: %q can move: the pods of one group may come to run different images; use the reference with its @sha256 digest", i.Reference)}
}
