// Package guests is the table of images whose containers do something in the emulated
// clusters. Containers of all others count as running and do nothing.
package guests

import (
	"maps"
	"slices"
	"strings"

	"sglang-tpu/emulator/internal/guests/builder"
	"sglang-tpu/emulator/internal/guests/hub"
	"sglang-tpu/emulator/internal/guests/sgljax"
	"sglang-tpu/emulator/internal/pace"
)

// Program is a command that containers find on their PATH. It returns the exit code.
type Program func(args []string) int

// Image is a container image.
type Image struct {
	Name     string             // its repository, without docker.io/
	Source   string             // its org.opencontainers.image.source label under another name; empty: it has no other
	Programs map[string]Program // by file name, in the place of the image's own; the others are this machine's
	// Manager: its command is the LeaderWorkerSet controller's real binary.
	Manager bool
}

var images = []Image{
	{
		Name: "lmsysorg/sglang-jax", Source: "https://github.com/sgl-project/sglang-jax",
		Programs: map[string]Program{"python3": sgljax.Main, "hf": hub.CLI, "getent": sgljax.Getent, "sleep": pace.Sleep},
	},
	{
		Name:     "moby/buildkit",
		Programs: map[string]Program{"wget": builder.Wget, "buildctl-daemonless.sh": builder.Buildctl, "sleep": pace.Sleep},
	},
	// Its command is the real json_exporter, which is built as a tool and found on PATH.
	{Name: "quay.io/prometheuscommunity/json-exporter"},
	{Name: "registry.k8s.io/lws/lws", Manager: true},
}

// ByName finds the image of a reference, nil if it is not in the table.
func ByName(reference string) *Image {
	reference = strings.TrimPrefix(reference, "docker.io/")
	return find(func(i Image) bool {
		rest, ok := strings.CutPrefix(reference, i.Name)
		return ok && strings.HasPrefix(rest, ":") || ok && strings.HasPrefix(rest, "@")
	})
}

// BySource finds the image that is built from a repository, nil if it is not in the table.
func BySource(repository string) *Image {
	return find(func(i Image) bool { return i.Source != "" && i.Source == strings.TrimSuffix(repository, ".git") })
}

func find(fits func(Image) bool) *Image {
	i := slices.IndexFunc(images, fits)
	if i < 0 {
		return nil
	}
	return &images[i]
}

// Programs are those of all images.
func Programs() map[string]Program {
	all := map[string]Program{}
	for _, i := range images {
		maps.Copy(all, i.Programs)
	}
	return all
}
