package image

import (
	"maps"
	"slices"

	"sglang-tpu/spec/serverimage"
)

// buildArguments returns buildctl's options for the source, in a stable order. Layers is
// where builds share layers; a build also works without it.
func buildArguments(s serverimage.Inputs, reference, layers string) []string {
	args := []string{
		"build",
		"--progress", "plain",
		"--frontend", "dockerfile.v0",
		"--opt", "context=" + s.Repository + "#" + s.Commit,
		"--opt", "filename=" + s.Dockerfile,
		"--opt", "platform=" + serverimage.Platform,
	}
	for _, key := range slices.Sorted(maps.Keys(s.BuildArgs)) {
		args = append(args, "--opt", "build-arg:"+key+"="+s.BuildArgs[key])
	}
	return append(args,
		"--import-cache", "type=registry,ref="+layers,
		"--export-cache", "type=registry,ref="+layers+",mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true",
		"--output", "type=image,name="+reference+",push=true")
}
