package sgljax

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The verdicts are those of the server's own parser; the file says how they were made.
func TestEveryListGetsTheVerdictOfTheRealParser(t *testing.T) {
	text, err := os.ReadFile("../../../infra/arguments/testdata/verdicts.jsonl")
	require.NoError(t, err)
	lists := 0
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var list struct {
			Words   []string
			Verdict string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &list))
		lists++
		_, err := parse(list.Words)
		if list.Verdict == "accepted" {
			assert.NoError(t, err, "%q", list.Words)
		} else {
			assert.EqualError(t, err, list.Verdict, "%q", list.Words)
		}
	}
	assert.GreaterOrEqual(t, lists, 100)
}

func TestWhatIsParsedIsWhatPythonWouldHave(t *testing.T) {
	parsed, err := parse([]string{
		"--model", "m", "--tp-size=1_6", "--nn", " 2 ", "--port", "1", "--port", "2", "--enable-metrics",
		"--no-disaggregation-use-raiden", "--lora-paths", "a=x", "y", "--served-model-name=-x",
	})
	require.NoError(t, err)
	for flag, want := range map[string]string{
		"--model-path": "m", "--tp-size": "16", "--tensor-parallel-size": "16", "--nnodes": "2", "--port": "2", "--enable-metrics": "true",
		"--disaggregation-use-raiden": "false", "--lora-paths": "a=x y", "--served-model-name": "-x",
	} {
		assert.Equal(t, want, parsed[flag], flag)
	}
	assert.NotContains(t, parsed, "--page-size", "what is not given has no value")

	_, err = parse([]string{"--speed", "9", "--help"})
	assert.ErrorIs(t, err, errHelp, "before anything that is missing or unknown")
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

// The text is what Python's argparse prints for the server's own parser.
func TestTheUsageIsArgparses(t *testing.T) {
	want, err := os.ReadFile("testdata/usage.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), usage())
}
