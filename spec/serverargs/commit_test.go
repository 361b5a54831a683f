package serverargs

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"sglang-tpu/spec/serverimage"
)

func TestTheKnownArgumentsAreThoseOfTheImagesCommit(t *testing.T) {
	assert.Equal(t, serverimage.Default().Commit, Commit, "docs/server-arguments.md says how the table is made anew")
}
