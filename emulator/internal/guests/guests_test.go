package guests

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestImagesAreKnownByNameOrSource(t *testing.T) {
	for reference, name := range map[string]string{
		"lmsysorg/sglang-jax:v0.1":                "lmsysorg/sglang-jax",
		"docker.io/lmsysorg/sglang-jax@sha256:12": "lmsysorg/sglang-jax",
		"moby/buildkit:v0.25.1-rootless":          "moby/buildkit",
		"registry.k8s.io/lws/lws:v0.9.0":          "registry.k8s.io/lws/lws",
		"lmsysorg/sglang-jax-other:v0.1":          "",
		"gke.gcr.io/pause:3.8":                    "",
	} {
		image := ByName(reference)
		if name == "" {
			assert.Nil(t, image, reference)
		} else if assert.NotNil(t, image, reference) {
			assert.Equal(t, name, image.Name)
		}
	}
	assert.Equal(t, "lmsysorg/sglang-jax", BySource("https://github.com/sgl-project/sglang-jax.git").Name)
	assert.Nil(t, BySource("https://github.com/other/other"))
	assert.Nil(t, BySource(""))
	assert.Contains(t, Programs(), "python3")
	assert.Contains(t, Programs(), "wget")
}
