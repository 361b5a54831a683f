package builder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"sglang-tpu/emulator/internal/guests/guest"
	"sglang-tpu/emulator/internal/socket"
)

// Buildctl implements buildctl-daemonless.sh. It validates and pushes like BuildKit, but the
// image contains only the inputs of the build.
func Buildctl(args []string) int {
	if err := build(args, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}

// request is a build's inputs.
type request struct {
	Frontend string              `json:"frontend"`
	Options  map[string]string   `json:"options"`
	Output   map[string]string   `json:"-"`
	Exports  []map[string]string `json:"-"` // layer caches to write
	Imports  []map[string]string `json:"-"` // layer caches to read
}

func parse(args []string) (request, error) {
	r := request{Options: map[string]string{}, Output: map[string]string{}}
	if len(args) == 0 || args[0] != "build" {
		return r, fmt.Errorf("No help topic for '%s'", strings.Join(args, " "))
	}
	for i := 1; i < len(args); i += 2 {
		if i+1 == len(args) {
			return r, fmt.Errorf("flag needs an argument: %s", args[i])
		}
		value := args[i+1]
		switch args[i] {
		case "--progress":
		case "--frontend":
			r.Frontend = value
		case "--opt":
			key, v, ok := strings.Cut(value, "=")
			if !ok {
				return r, fmt.Errorf("invalid value %s", value)
			}
			r.Options[key] = v
		case "--output":
			r.Output = attributes(value)
		case "--export-cache":
			r.Exports = append(r.Exports, attributes(value))
		case "--import-cache":
			r.Imports = append(r.Imports, attributes(value))
		default:
			return r, fmt.Errorf("flag provided but not defined: %s", strings.TrimLeft(args[i], "-"))
		}
	}
	return r, nil
}

// attributes parses a value such as type=registry,ref=R,mode=max.
func attributes(text string) map[string]string {
	all := map[string]string{}
	for _, pair := range strings.Split(text, ",") {
		key, value, _ := strings.Cut(pair, "=")
		all[key] = value
	}
	return all
}

var gitContext = regexp.MustCompile(`^(https://[^#\s]+)#([0-9a-f]{40})$`)

func build(args []string, progress io.Writer) error {
	r, err := parse(args)
	if err != nil {
		return err
	}
	if r.Frontend != "dockerfile.v0" {
		return fmt.Errorf("failed to solve: no solver for frontend %q", r.Frontend)
	}
	context := gitContext.FindStringSubmatch(r.Options["context"])
	if context == nil {
		return fmt.Errorf("failed to solve: failed to load git source: %q is not a repository's URL with a full commit after #", r.Options["context"])
	}
	if r.Output["type"] != "image" || r.Output["name"] == "" || r.Output["push"] != "true" {
		return errors.New("failed to solve: the output must be type=image with a name and push=true")
	}
	if r.Options["filename"] == "" {
		r.Options["filename"] = "Dockerfile"
	}
	if platform := r.Options["platform"]; platform != "linux/amd64" {
		return fmt.Errorf("failed to solve: no worker for platform %q: the nodes are linux/amd64", platform)
	}
	repository, commit := context[1], context[2]
	fmt.Fprintf(progress, "#1 [internal] load git source %s\n", r.Options["context"])
	if strings.Trim(commit, "0") == "" {
		// The only commit that is known not to exist.
		why := fmt.Sprintf("failed to checkout remote %s: git stderr:\nfatal: reference is not a tree: %s\n: exit status 128", repository, commit)
		fmt.Fprintf(progress, "#1 fatal: remote error: upload-pack: not our ref %s\n#1 ERROR: %s\n------\n", commit, why)
		return fmt.Errorf("failed to solve: failed to read dockerfile: %s", why)
	}
	fmt.Fprintf(progress, "#1 DONE\n\n")
	if err := importCaches(r, progress); err != nil {
		return err
	}
	image, err := imageOf(r, strings.TrimSuffix(repository, ".git"), commit)
	if err != nil {
		return err
	}
	if err := expireTokens(); err != nil {
		return err
	}
	fmt.Fprintf(progress, "#2 exporting to image\n#2 pushing layers\n")
	ref, err := name.ParseReference(r.Output["name"])
	if err != nil {
		return fmt.Errorf("failed to solve: invalid reference: %w", err)
	}
	if err := remote.Write(ref, image, registryOptions...); err != nil {
		return fmt.Errorf("failed to solve: %w", refusal(r.Output["name"], err))
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	if err := count(r.Output["name"]); err != nil {
		return err
	}
	fmt.Fprintf(progress, "#2 pushing manifest for %s@%s done\n#2 DONE\n", r.Output["name"], digest)
	return exportCaches(r, image, progress)
}

// expireTokens expires the access tokens that the pod got before the build. A build may take
// longer than the hour for which they are valid.
func expireTokens() error {
	in := guest.FromEnv()
	if in.Socket == "" {
		return nil
	}
	req, err := http.NewRequest(http.MethodPost, "http://emulator/tokens/expire", nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Emulator-Pod", in.Pod)
	if err := socket.Do(in.Socket, req, nil); err != nil {
		return fmt.Errorf("the emulator cannot expire the pod's tokens: %w", err)
	}
	return nil
}

// count reports a build to the daemon, if there is one.
func count(reference string) error {
	in := guest.FromEnv()
	if in.Socket == "" {
		return nil
	}
	if err := in.Post("/counters/builds", map[string]string{"reference": reference}, nil); err != nil {
		return fmt.Errorf("the emulator cannot count the build: %w", err)
	}
	return nil
}

// imageOf returns the image of a build. It depends only on the inputs.
func imageOf(r request, source, revision string) (v1.Image, error) {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return nil, err
	}
	layer, err := crane.Layer(map[string][]byte{"build.json": text})
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Labels = map[string]string{
		"org.opencontainers.image.source": source, "org.opencontainers.image.revision": revision,
	}
	return mutate.ConfigFile(image, config)
}
