package serverargs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var ours = List{}.With("--model-path", "org/model").With("--trust-remote-code").With("--dtype", "bfloat16").With("--tp-size", "16").With("--page-size", "128")

func TestUsersArgumentsReplaceThoseWithTheSameFlag(t *testing.T) {
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
		"several, in one order": {[]string{"--log-level", "debug", "--page-size", "64", "--enable-metrics"}, "--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 64 --log-level debug --enable-metrics"},
		"what looks like a flag": {
			[]string{"--served-model-name=-x", "--constrained-json-whitespace-pattern="},
			"--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 128 --served-model-name=-x --constrained-json-whitespace-pattern=",
		},
		"another name of an option": {
			[]string{"--speculative-draft-model", "org/draft"},
			"--model-path org/model --trust-remote-code --dtype bfloat16 --tp-size 16 --page-size 128 --speculative-draft-model-path org/draft",
		},
	} {
		t.Run(name, func(t *testing.T) {
			read := Read(tc.users, false)
			require.NoError(t, read.Err)
			assert.Equal(t, tc.want, strings.Join(ours.Merge(read.Arguments).Words(), " "))
		})
	}
}

func TestValuesOfAFlag(t *testing.T) {
	read := Read([]string{"--page-size=64", "--enable-metrics", "--precompile-bs-paddings", "1", "2"}, false)
	require.NoError(t, read.Err)
	given := read.Arguments
	value, ok := given.Value("--page-size")
	assert.True(t, ok)
	assert.Equal(t, "64", value)
	for _, flag := range []string{"--enable-metrics", "--precompile-bs-paddings", "--missing"} {
		_, ok := given.Value(flag)
		assert.False(t, ok, flag)
	}
	assert.Equal(t, []string{"1", "2"}, given.Values("--precompile-bs-paddings"))
	assert.True(t, given.Has("--enable-metrics"))
	assert.False(t, given.Has("--missing"))
}
