package serverargs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestArgumentsOfEveryRank(t *testing.T) {
	const rest = " --device tpu --dtype bfloat16 --host 0.0.0.0 --port 8000 --random-seed 0 --watchdog-timeout 1200"
	for name, tc := range map[string]struct {
		launch Launch
		want   string
	}{
		"of the Hub's own revision": {Launch{Model: "org/model", Revision: "main", RemoteCode: true}, "--model-path org/model --served-model-name org/model --trust-remote-code" + rest},
		"of another":                {Launch{Model: "org/model", Revision: "v2", RemoteCode: true}, "--model-path org/model --served-model-name org/model --trust-remote-code" + rest + " --revision v2"},
		"without remote code":       {Launch{Model: "org/model", Revision: "main"}, "--model-path org/model --served-model-name org/model" + rest},
	} {
		list := tc.launch.Arguments()
		assert.Equal(t, tc.want, strings.Join(list.Words(), " "), name)
		for _, a := range list {
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
