package stacks

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/infra/arguments"
	"sglang-tpu/infra/image"
)

func TestTheKnownArgumentsAreThoseOfTheImagesCommit(t *testing.T) {
	assert.Equal(t, image.Default().Commit, arguments.Commit, "docs/server-arguments.md says how the table is made anew")
}
