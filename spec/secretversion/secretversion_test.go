package secretversion

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestASecretsVersionIsParsed(t *testing.T) {
	project, secret, err := Parse("projects/my-project/secrets/hf_token-1/versions/latest")
	require.NoError(t, err)
	assert.Equal(t, []string{"my-project", "hf_token-1"}, []string{project, secret})
	for _, wrong := range []string{"", "hf_token", "projects/p/secrets/s", "projects/p/secrets/s/versions/v1", "projects/p/q/secrets/s/versions/1"} {
		_, _, err := Parse(wrong)
		assert.ErrorContains(t, err, "use projects/PROJECT/secrets/NAME/versions/NUMBER", wrong)
	}
}
