package sgljax

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/guests/hub"
)

// nobody is a daemon without counts and faults.
type nobody struct{}

func (nobody) Fetched(string, int64, bool) error { return nil }
func (nobody) Fault(string) (string, error)      { return "", nil }
func (nobody) Write(string) (string, error)      { return "", nil }

func TestFurtherRepositoriesMustBeDownloadedBeforeLoading(t *testing.T) {
	const model, draft, adapter = "Qwen/Qwen2.5-7B-Instruct", "AngelSlim/Qwen3-32B_eagle3", "nissenj/Qwen3-4B-lora-v2"
	drafting := arguments{"--speculative-algorithm": "EAGLE3", "--speculative-draft-model-path": draft}
	adapting := arguments{"--lora-paths": "mine=" + adapter + " local=/opt/adapter"}
	for name, tc := range map[string]struct {
		arguments arguments
		revision  string    // of the model
		fetched   [2]string // a repository and its revision
		wrong     string
	}{
		"nothing":                         {arguments{}, "", [2]string{}, ""},
		"a draft":                         {drafting, "", [2]string{draft, "main"}, ""},
		"no draft":                        {drafting, "", [2]string{}, "LocalEntryNotFoundError"},
		"a draft at the model's revision": {drafting, "previous", [2]string{draft, "main"}, "LocalEntryNotFoundError"},
		"an adapter":                      {adapting, "previous", [2]string{adapter, "main"}, ""},
		"no adapter":                      {adapting, "", [2]string{adapter, "previous"}, "LocalEntryNotFoundError"},
		"a draft's own revision": {
			arguments{"--speculative-algorithm": "EAGLE3", "--speculative-draft-model-path": draft, "--speculative-draft-model-revision": "previous"},
			"",
			[2]string{draft, "previous"},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &files{Client: &hub.Client{Cache: t.TempDir(), Daemon: nobody{}}, model: model, revision: tc.revision}
			if tc.fetched[0] != "" {
				_, err := f.Snapshot(context.Background(), tc.fetched[0], tc.fetched[1], func(string) bool { return true })
				require.NoError(t, err)
			}
			f.Offline = true
			err := f.additional(tc.arguments)
			if tc.wrong == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.wrong)
			}
		})
	}
}
