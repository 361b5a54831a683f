package hub

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/socket/sockettest"
)

// TestMain runs hf if the test binary is started under that name.
func TestMain(m *testing.M) {
	if os.Getenv("HUB_TEST_IS_HF") != "" {
		os.Exit(CLI(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// scriptDaemon serves the requests of hf in a pod, with faults that are used once each.
type scriptDaemon struct {
	mu     sync.Mutex
	faults []string
}

func (d *scriptDaemon) serve(t *testing.T) string {
	t.Helper()
	return sockettest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := map[string]string{}
		d.mu.Lock()
		defer d.mu.Unlock()
		if r.URL.Path == "/cloud/faults/take" && len(d.faults) > 0 {
			said["text"], d.faults = d.faults[0], d.faults[1:]
		}
		_ = json.NewEncoder(w).Encode(said)
	}))
}

// download runs the program's script with the emulated hf.
func (d *scriptDaemon) download(t *testing.T, hf, home string, env []string, repositories ...string) (said string, err error) {
	t.Helper()
	bin := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	for name, body := range map[string]string{
		"hf":    "HUB_TEST_IS_HF=1 exec " + self + ` "$@"`,
		"sleep": `[ "$1" = 30 ] && exec /bin/sleep 30; echo "slept $1"`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+body+"\n"), 0o755))
	}
	var script []byte
	for _, name := range []string{"hub.sh", "download.sh"} {
		part, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "infra", "serving", name))
		require.NoError(t, err)
		script = append(script, part...)
	}
	cmd := exec.Command("/bin/bash", append([]string{"-c", string(script), "download"}, repositories...)...)
	cmd.Env = append([]string{
		"PATH=" + bin + ":/usr/bin:/bin", "HF_HOME=" + home, "WEIGHTS_GIB=14", "BUCKET=b", "ACCOUNT=n/a", "EMULATOR_SOCKET=" + d.serve(t), "EMULATOR_POD=c/n/p",
		VersionVariable + "=" + hf, "HF_HUB_DISABLE_PROGRESS_BARS=1",
	}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const limit = "429"

func TestTheDownloadScriptFillsABucketByEachHf(t *testing.T) {
	const id = "meta-llama/Llama-3.1-8B-Instruct"
	for _, hf := range []string{"0.34.6", "1.10.2", "1.11.0", "1.28.0"} {
		t.Run(hf, func(t *testing.T) {
			home := t.TempDir()
			d := &scriptDaemon{faults: []string{limit, "requests.exceptions.ConnectionError: reset", limit}}
			said, err := d.download(t, hf, home, nil, small8B+"@previous")
			require.NoError(t, err, said)
			assert.Equal(t, 2, strings.Count(said, "slept 310"), said)
			assert.Contains(t, said, "pulumi config set --secret hfToken hf_...")
			r, _ := Lookup(small8B)
			list, err := os.ReadFile(filepath.Join(home, "complete", "Qwen--Qwen2.5-7B-Instruct@previous"))
			require.NoError(t, err)
			assert.Len(t, strings.Split(strings.TrimSpace(string(list)), "\n"), len(r.Files(r.Commit("previous"))), "no part was taken for the whole")

			said, err = (&scriptDaemon{}).download(t, hf, home, nil, small8B+"@previous")
			require.NoError(t, err)
			assert.Contains(t, said, "is in the bucket already")

			for repository, says := range map[string]string{
				id + "@main":            "accept its licence on https://huggingface.co/" + id,
				"some/other@main":       "some/other@main is not on the Hub",
				small8B + "@v9":         small8B + "@v9 is not on the Hub",
				small8B + "@0123456789": small8B + "@0123456789 is not on the Hub",
			} {
				said, err = (&scriptDaemon{}).download(t, hf, t.TempDir(), nil, repository)
				var exit *exec.ExitError
				require.ErrorAs(t, err, &exit, said)
				assert.Equal(t, 2, exit.ExitCode(), said)
				assert.Contains(t, said, says)
			}
		})
	}
}

func TestACopyOfTheWeightsStaysAway(t *testing.T) {
	const id = "meta-llama/Llama-3.1-8B-Instruct"
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("hf_x"), 0o600))
	for _, hf := range []string{"0.34.6", "1.11.0"} {
		home := t.TempDir()
		said, err := (&scriptDaemon{}).download(t, hf, home, []string{"HF_TOKEN_PATH=" + token}, id+"@main")
		require.NoError(t, err, said)
		r, _ := Lookup(id)
		folder := filepath.Join(home, "hub", "models--meta-llama--Llama-3.1-8B-Instruct", "snapshots", r.Commit("main"))
		assert.FileExists(t, filepath.Join(folder, "model-00001-of-00004.safetensors"))
		assert.NoDirExists(t, filepath.Join(folder, "original"))
	}
}
