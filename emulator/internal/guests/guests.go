// Package guests lists the emulated images. Containers of other images do nothing and count as
// running.
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

// Program is a command on the PATH of containers. It returns the exit code.
type Program func(args []string) int

// Image is a container image.
type Image struct {
	Name string // repository, without docker.io/
	// Source is the label org.opencontainers.image.source, which identifies the image in other
	// repositories; empty if it has none.
	Source string
	// Programs are the emulated programs by file name. All others are those of this machine.
	Programs map[string]Program
	// Manager is true for the LeaderWorkerSet controller, whose real binary runs.
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
	// Its command is the real json_exporter, which is built as a tool.
	{Name: "quay.io/prometheuscommunity/json-exporter"},
	{Name: "registry.k8s.io/lws/lws", Manager: true},
}

// ByName returns the image of a reference; nil if it is not emulated.
func ByName(reference string) *Image {
	reference = strings.TrimPrefix(reference, "docker.io/")
	return find(func(i Image) bool {
		rest, ok := strings.CutPrefix(reference, i.Name)
		return ok && strings.HasPrefix(rest, ":") || ok && strings.HasPrefix(rest, "@")
	})
}

// BySource returns the image that is built from a repository; nil if it is not emulated.
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

// Programs returns the programs of all images.
func Programs() map[string]Program {
	all := map[string]Program{}
	for _, i := range images {
		maps.Copy(all, i.Programs)
	}
	return all
}
