package builder

import (
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// registryCache returns the reference of a cache in a registry. Other types do not outlive the
// Job's pod.
func registryCache(kind string, attributes map[string]string) (name.Reference, error) {
	if attributes["type"] != "registry" {
		return nil, fmt.Errorf("failed to solve: unknown cache %sporter: %q", kind, attributes["type"])
	}
	if attributes["ref"] == "" {
		return nil, fmt.Errorf("failed to solve: failed to configure registry cache %sporter: ref is required", kind)
	}
	if mode := attributes["mode"]; mode != "" && mode != "min" && mode != "max" {
		return nil, fmt.Errorf("failed to solve: unsupported cache mode %q", mode)
	}
	ref, err := name.ParseReference(attributes["ref"])
	if err != nil {
		return nil, fmt.Errorf("failed to solve: failed to configure registry cache %sporter: %w", kind, err)
	}
	return ref, nil
}

// importCaches looks for the layers of earlier builds. Like BuildKit, it ignores caches that
// are missing or cannot be read.
func importCaches(r request, progress io.Writer) error {
	for _, attributes := range r.Imports {
		ref, err := registryCache("im", attributes)
		if err != nil {
			return err
		}
		fmt.Fprintf(progress, "#4 importing cache manifest from %s\n", ref)
		if _, err := remote.Head(ref, registryOptions...); err != nil {
			fmt.Fprintf(progress, "#4 ERROR: failed to configure registry cache importer: %s: not found\n", ref)
			continue
		}
		fmt.Fprintf(progress, "#4 DONE\n#5 CACHED\n")
	}
	return nil
}

// exportCaches pushes the image in place of the layers.
func exportCaches(r request, image v1.Image, progress io.Writer) error {
	for _, attributes := range r.Exports {
		ref, err := registryCache("ex", attributes)
		if err != nil {
			return err
		}
		fmt.Fprintf(progress, "#6 exporting cache to registry\n#6 writing cache image manifest to %s\n", ref)
		err = remote.Write(ref, image, registryOptions...)
		switch {
		case err == nil:
			fmt.Fprintf(progress, "#6 DONE\n")
		case attributes["ignore-error"] == "true":
			text := layersRefusal(err).Error()
			if !strings.HasPrefix(text, "error ") { // the build's error is only the inner one; the log has all of it
				text = "error writing layer blob: failed to authorize: " + text
			}
			fmt.Fprintf(progress, "#6 ERROR: %s\n", text)
		default:
			return fmt.Errorf("failed to solve: %w", layersRefusal(err))
		}
	}
	return nil
}
