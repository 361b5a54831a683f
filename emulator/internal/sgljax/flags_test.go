package sgljax

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlagsAreReadAsPythonReadsThem(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want arguments
		err  string
	}{
		"separate and inline values": {
			[]string{"--model-path", "m", "--tp-size=16", "--enable-metrics"},
			arguments{"--model-path": "m", "--tp-size": "16", "--enable-metrics": "true"},
			"",
		},
		"an abbreviation":              {[]string{"--model-p", "m", "--nn", "2"}, arguments{"--model-path": "m", "--nnodes": "2"}, ""},
		"one that fits several":        {[]string{"--model-path", "m", "--ep", "2"}, nil, "ambiguous option: --ep could match --ep-num-redundant-experts, --ep-size"},
		"the last one wins":            {[]string{"--model-path", "m", "--port", "1", "--port", "2"}, arguments{"--model-path": "m", "--port": "2"}, ""},
		"no model":                     {[]string{"--port", "1"}, nil, "the following arguments are required: --model-path/--model"},
		"unknown ones":                 {[]string{"--model-path", "m", "--speed", "9"}, nil, "unrecognized arguments: --speed 9"},
		"a value that is missing":      {[]string{"--model-path", "m", "--port"}, nil, "argument --port: expected one argument"},
		"a flag where a value belongs": {[]string{"--model-path", "m", "--port", "--enable-metrics"}, nil, "argument --port: expected one argument"},
		"a value for a switch":         {[]string{"--model-path", "m", "--enable-metrics=1"}, nil, "argument --enable-metrics: ignored explicit argument '1'"},
		"a word for a number":          {[]string{"--model-path", "m", "--tp-size", "many"}, nil, "argument --tp-size: invalid int value: 'many'"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(tc.args)
			if tc.err != "" {
				require.EqualError(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestShapesThatTheServerRefuses(t *testing.T) {
	const qwen = "Qwen/Qwen2.5-Coder-32B-Instruct"
	for name, tc := range map[string]struct {
		args    arguments
		devices int
		err     string
	}{
		"two attention groups of eight": {arguments{"--model-path": qwen, "--tp-size": "16", "--dp-size": "2", "--page-size": "128", "--chunked-prefill-size": "2048"}, 16, ""},
		"a model that it does not know": {arguments{"--model-path": "some/other", "--tp-size": "16"}, 16, ""},
		"heads that do not divide":      {arguments{"--model-path": qwen, "--tp-size": "16"}, 16, "Number of attention heads 40 must be divisible by tensor parallel size 16"},
		"fewer devices than there are":  {arguments{"--model-path": qwen, "--tp-size": "8"}, 16, "Number of devices 16 must equal the product of mesh_shape (1, 8)"},
		"groups that do not divide":     {arguments{"--model-path": qwen, "--tp-size": "16", "--dp-size": "3"}, 16, "tp_size 16 must be divisible by dp_size 3"},
		"no groups":                     {arguments{"--model-path": qwen, "--tp-size": "16", "--dp-size": "0"}, 16, "must be divisible by dp_size 0"},
		"pages of nothing":              {arguments{"--model-path": "some/other", "--tp-size": "2", "--page-size": "0", "--chunked-prefill-size": "8"}, 2, "page_size 0 must be positive"},
		"a chunk that cuts a page":      {arguments{"--model-path": "some/other", "--tp-size": "2", "--page-size": "128", "--chunked-prefill-size": "200"}, 2, "chunked_prefill_size 200 must be a multiple of page_size 128"},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkShape(tc.args, tc.devices)
			if tc.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.err)
			}
		})
	}
}

func TestChipsOfATopology(t *testing.T) {
	assert.Equal(t, 8, chipsOf("2x2x2"))
	assert.Equal(t, 0, chipsOf("2xtwo"))
}
