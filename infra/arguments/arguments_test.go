package arguments

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var ours = strings.Fields("--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 128")

func TestUsersArgumentsWinByFlagName(t *testing.T) {
	for name, tc := range map[string]struct {
		users []string
		want  string
	}{
		"nothing":               {nil, "--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 128"},
		"a value of ours":       {[]string{"--page-size", "64"}, "--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 64"},
		"joined by an equals":   {[]string{"--dtype=float32"}, "--model-path org/model --trust-remote-code --dtype float32 --tp-size 16 --page-size 128"},
		"a new switch":          {[]string{"--enable-metrics"}, "--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 128 --enable-metrics"},
		"a switch of ours":      {[]string{"--trust-remote-code"}, "--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 128"},
		"a list":                {[]string{"--precompile-bs-paddings", "1", "8"}, "--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 128 --precompile-bs-paddings 1 8"},
		"a negative number":     {[]string{"--chunked-prefill-size", "-1"}, "--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 128 --chunked-prefill-size -1"},
		"several, in one order": {[]string{"--zeta", "2", "--page-size", "64", "--yes", "1"}, "--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 64 --zeta 2 --yes 1"},
	} {
		t.Run(name, func(t *testing.T) {
			users, err := Parse(tc.users)
			require.NoError(t, err)
			require.NoError(t, Check(users, ours))
			assert.Equal(t, tc.want, strings.Join(Merge(ours, users), " "))
		})
	}
}

func TestWhatThePlanComputedIsNotForUsers(t *testing.T) {
	for flag, why := range map[string]string{
		"--tp-size": "the number of devices", "--tensor-parallel-size": "the number of devices", "--dp-size": "attention heads",
		"--data-parallel-size": "attention heads", "--ep-size": "experts", "--nnodes": "the number of hosts", "--node-rank": "index in its group",
		"--dist-init-addr": "group's leader", "--host": "all addresses", "--port": "know the port",
		"--model-path": "set that", "--api-key": "--secret sglang-tpu:apiKey", "--disable-precompile": "time out",
		// What argparse would take for one of them.
		"--tp": "abbreviation of --tp-size", "--tensor": "abbreviation of --tensor-parallel-size", "--dp": "abbreviation of --dp-size",
		"--nn": "abbreviation of --nnodes", "--page": "abbreviation of --page-size; write it in full", "--api": "abbreviation of --api-key",
	} {
		users, err := Parse([]string{flag, "1"})
		require.NoError(t, err)
		assert.ErrorContains(t, Check(users, ours), why, flag)
	}
}

func TestWordsThatAreNoArgumentsAreNamed(t *testing.T) {
	_, err := Parse([]string{"4", "", "--context-length 4096", "--a", "1", "--a=2"})
	for _, want := range []string{
		`"4" comes before any flag`, "an entry is empty", `"--context-length 4096" is a flag and its value in one entry; make it two`, `"--a" is given twice`,
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestValueOfAFlag(t *testing.T) {
	given, err := Parse([]string{"--page-size=64", "--switch", "--list", "1", "2"})
	require.NoError(t, err)
	value, ok := Value(given, "--page-size")
	assert.True(t, ok)
	assert.Equal(t, "64", value)
	for _, flag := range []string{"--switch", "--list", "--missing"} {
		_, ok := Value(given, flag)
		assert.False(t, ok, flag)
	}
}
