package serverargs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestArgumentsOfEveryRank(t *testing.T) {
	const rest = " --device tpu --dtype bfloat16 --host 0.0.0.0 --port 8000 --random-seed 0 --watchdog-timeout 1200"
	for name, tc := range map[string]struct {
		list List
		want string
	}{
		"of the Hub's own revision": {Launch("org/model", "main", true), "--model-path org/model --served-model-name org/model --trust-remote-code" + rest},
		"of another":                {Launch("org/model", "v2", true), "--model-path org/model --served-model-name org/model --trust-remote-code" + rest + " --revision v2"},
		"without remote code":       {Launch("org/model", "main", false), "--model-path org/model --served-model-name org/model" + rest},
	} {
		assert.Equal(t, tc.want, strings.Join(tc.list.Words(), " "), name)
		for _, a := range tc.list {
			assert.NotNil(t, Lookup(a.Flag), "the server knows %s", a.Flag)
		}
	}
}

func TestAppendingToACopyDoesNotChangeTheList(t *testing.T) {
	base := List{}.With("--a", "1").With("--b")
	one, other := base.With("--c"), base.With("--d")
	assert.Equal(t, "--a 1 --b --c", strings.Join(one.Words(), " "))
	assert.Equal(t, "--a 1 --b --d", strings.Join(other.Words(), " "))
}
