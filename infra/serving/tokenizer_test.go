package serving

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/serverargs"
)

func TestTheLaunchScriptGetsTheTokenizerOfARevision(t *testing.T) {
	for name, tc := range map[string]struct {
		revision string
		user     []serverargs.Argument
		want     any
	}{
		"main":                 {"main", nil, nil},
		"a tag":                {"v2", nil, "org/model@v2"},
		"the user's tokenizer": {"v2", []serverargs.Argument{{Flag: "--tokenizer-path", Values: []string{"org/own"}}}, nil},
		"the model's by name":  {"v2", []serverargs.Argument{{Flag: "--tokenizer-path", Values: []string{"org/model"}}}, "org/model@v2"},
	} {
		t.Run(name, func(t *testing.T) {
			set := serve(t, func(a *Args) { a.Arguments = arguments("org/model", tc.revision, tc.user...) }).Get(t, setType, "serving")
			for _, role := range []string{"leader", "worker"} {
				assert.Equal(t, tc.want, environmentOf(set, role)["TOKENIZER"], role)
			}
		})
	}
}

func TestTheTokenizerIsOfTheModelsRevision(t *testing.T) {
	hf := `echo "hf $*" >&2; mkdir -p "$HF_HOME/hub/models--org--model/refs/v" "$HF_HOME/hub/models--org--model/snapshots/abc"
printf abc >"$HF_HOME/hub/models--org--model/refs/v/2"`
	for name, tc := range map[string]struct {
		tokenizer, offline, made string
		code                     int
		says, arguments          string
	}{
		"online":             {"org/model@v/2", "", "", 0, "hf download org/model *.json *.model *.py *.tiktoken *.jinja --revision v/2\n", " --tokenizer-path HOME/hub/models--org--model/snapshots/abc\n"},
		"offline, a tag":     {"org/model@v1", "1", "refs/v1", 0, "", " --tokenizer-path HOME/hub/models--org--model/snapshots/def\n"},
		"offline, a commit":  {"org/model@def", "1", "refs/v1", 0, "", " --tokenizer-path HOME/hub/models--org--model/snapshots/def\n"},
		"offline, not there": {"org/model@v9", "1", "refs/v1", 1, "launch: the tokenizer org/model@v9 is not in HOME\n", ""},
		"main":               {"", "1", "", 0, "", "-u -m sgl_jax.launch_server --model-path a model\n"},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			if tc.made != "" {
				folder := filepath.Join(home, "hub", "models--org--model")
				require.NoError(t, os.MkdirAll(filepath.Join(folder, "snapshots", "def"), 0o755))
				require.NoError(t, os.MkdirAll(filepath.Join(folder, "refs"), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(folder, tc.made), []byte("def"), 0o600))
			}
			l := newLaunch(t, echoArguments, "exit 0", append(single, "HF_HOME="+home, "TOKENIZER="+tc.tokenizer, "HF_HUB_OFFLINE="+tc.offline)...)
			bin, _, _ := strings.Cut(strings.TrimPrefix(l.command.Env[0], "PATH="), ":")
			require.NoError(t, os.WriteFile(filepath.Join(bin, "hf"), []byte("#!/bin/bash\n"+hf+"\n"), 0o755))
			assert.Equal(t, tc.code, l.run(t))
			assert.Equal(t, strings.ReplaceAll(tc.says, "HOME", home), l.stderr.String())
			assert.Contains(t, l.stdout.String(), strings.ReplaceAll(tc.arguments, "HOME", home))
		})
	}

	l := newLaunch(t, echoArguments, "exit 0", append(single, "HF_HOME="+t.TempDir(), "TOKENIZER=org/model@v2")...)
	bin, _, _ := strings.Cut(strings.TrimPrefix(l.command.Env[0], "PATH="), ":")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "hf"), []byte("#!/bin/bash\necho 'GatedRepoError: 401' >&2; exit 1\n"), 0o755))
	assert.Equal(t, 1, l.run(t))
	assert.Equal(t, "GatedRepoError: 401\nlaunch: the tokenizer org/model@v2 cannot be fetched\n", l.stderr.String())
	assert.Empty(t, l.stdout.String(), "the server must not start")
}
