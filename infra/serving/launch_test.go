package serving

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// launch runs the script as a container does, with stand-ins for python3, getent and
// sleep first on PATH, and returns what they and the script said.
type launch struct {
	command        *exec.Cmd
	stdout, stderr bytes.Buffer
}

const echoArguments = `printf '%s\n' "$*"`

func newLaunch(t *testing.T, python, getent string, env ...string) *launch {
	t.Helper()
	bin := t.TempDir()
	for name, body := range map[string]string{
		"python3": python,
		"getent":  getent,
		"sleep":   "exit 0",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+body+"\n"), 0o755))
	}
	l := &launch{command: exec.Command("/bin/bash", "-c", launchScript, "launch", "--model-path", "a model")}
	l.command.Env = append([]string{"PATH=" + bin + ":/usr/bin:/bin", "RENDEZVOUS_PORT=20000", "SERVER_PORT=8000"}, env...)
	l.command.Stdout, l.command.Stderr = &l.stdout, &l.stderr
	return l
}

// script runs another script in the launch script's place.
func (l *launch) script(text string) { l.command.Args[2] = text }

func (l *launch) wait(t *testing.T) int {
	t.Helper()
	err := l.command.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return l.command.ProcessState.ExitCode()
}

func (l *launch) run(t *testing.T) int {
	t.Helper()
	require.NoError(t, l.command.Start())
	return l.wait(t)
}

func TestRankAndRendezvousFollowFromTheController(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		want string
	}{
		"leader binds its own address": {
			[]string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=2", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=10.4.0.7"},
			"-u -m sgl_jax.launch_server --model-path a model --nnodes 2 --node-rank 0 --dist-init-addr 10.4.0.7:20000\n",
		},
		"worker goes to its leader": {
			[]string{"LWS_WORKER_INDEX=3", "LWS_GROUP_SIZE=4", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=10.4.1.9"},
			"-u -m sgl_jax.launch_server --model-path a model --nnodes 4 --node-rank 3 --dist-init-addr x-0.x.sglang:20000\n",
		},
		"a single host meets nobody": {
			[]string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=1", "LWS_LEADER_ADDRESS=x-0.x.sglang", "POD_IP=10.4.0.7"},
			"-u -m sgl_jax.launch_server --model-path a model\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLaunch(t, echoArguments, "exit 0", tc.env...)
			assert.Zero(t, l.run(t), l.stderr.String())
			assert.Equal(t, tc.want, l.stdout.String())
			assert.Empty(t, l.stderr.String())
		})
	}
}

func TestTheAPIKeyComesFromAFileAndIsMaskedInTheLog(t *testing.T) {
	dir := t.TempDir()
	key, given := filepath.Join(dir, "api_key"), filepath.Join(dir, "given")
	require.NoError(t, os.WriteFile(key, []byte("a *[key]"), 0o600))
	env := []string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=1", "API_KEY_FILE=" + key}
	server := `printf '%s\n' "$*" >` + given + `; echo "server_args=(api_key='a *[key]', port=8000)"; echo "error: a *[key]" >&2; printf "the end"; exit 3`

	l := newLaunch(t, server, "exit 0", env...)
	assert.Equal(t, 3, l.run(t), "the server's own code")
	assert.Equal(t, "server_args=(api_key='***', port=8000)\nerror: ***\nthe end\n", l.stdout.String())
	assert.Empty(t, l.stderr.String())
	arguments, err := os.ReadFile(given)
	require.NoError(t, err)
	assert.Equal(t, "-u -m sgl_jax.launch_server --model-path a model --api-key=a *[key]\n", string(arguments))

	for _, content := range []string{"", "missing"} {
		if content == "" {
			require.NoError(t, os.WriteFile(key, nil, 0o600))
		} else {
			require.NoError(t, os.Remove(key))
		}
		l := newLaunch(t, server, "exit 0", env...)
		assert.Equal(t, 1, l.run(t))
		assert.Contains(t, l.stderr.String(), "launch: the API key")
	}
}

// argparse would take the key for a flag: "argument --api-key: expected one argument".
func TestAnAPIKeyThatBeginsWithAHyphenIsOneWordWithItsFlag(t *testing.T) {
	key := filepath.Join(t.TempDir(), "api_key")
	require.NoError(t, os.WriteFile(key, []byte("-x --y"), 0o600))
	words := filepath.Join(t.TempDir(), "words")
	l := newLaunch(t, `printf '%s\n' "$@" >`+words, "exit 0", append([]string{"API_KEY_FILE=" + key}, single...)...)
	assert.Zero(t, l.run(t), l.stderr.String())
	given, err := os.ReadFile(words)
	require.NoError(t, err)
	assert.Equal(t, "-u\n-m\nsgl_jax.launch_server\n--model-path\na model\n--api-key=-x --y\n", string(given))
}

func TestAPodWithoutRankOrGroupSizeFailsWithTheReason(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		want string
	}{
		"no index":          {[]string{"LWS_GROUP_SIZE=2"}, "LWS_WORKER_INDEX is missing: this pod was not made by the LeaderWorkerSet controller"},
		"index in words":    {[]string{"LWS_WORKER_INDEX=one", "LWS_GROUP_SIZE=2"}, `LWS_WORKER_INDEX is "one", which is not a number`},
		"no size":           {[]string{"LWS_WORKER_INDEX=0"}, "LWS_GROUP_SIZE is missing"},
		"size in words":     {[]string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=-2"}, `LWS_GROUP_SIZE is "-2"`},
		"no leader address": {[]string{"LWS_WORKER_INDEX=1", "LWS_GROUP_SIZE=2", "POD_IP=10.4.1.9"}, "LWS_LEADER_ADDRESS is missing: worker 1 does not know its leader"},
		"no address":        {[]string{"LWS_WORKER_INDEX=0", "LWS_GROUP_SIZE=2", "LWS_LEADER_ADDRESS=x-0.x"}, "POD_IP is missing: the leader has no address to bind to"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLaunch(t, echoArguments, "exit 0", tc.env...)
			assert.Equal(t, 1, l.run(t))
			assert.Contains(t, l.stderr.String(), "launch: "+tc.want)
			assert.Empty(t, l.stdout.String(), "the server must not start")
		})
	}
}
