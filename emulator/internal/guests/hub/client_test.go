package hub

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/model"
)

// fakeDaemon counts downloads and injects faults.
type fakeDaemon struct {
	mu             sync.Mutex
	bytes          int64
	snapshots      int
	fault, refusal string
}

func (d *fakeDaemon) Fetched(_ string, bytes int64, first bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bytes += bytes
	if first {
		d.snapshots++
	}
	return nil
}

func (d *fakeDaemon) Fault(string) (string, error) { return d.fault, nil }

func (d *fakeDaemon) Write(path string) (string, error) {
	if strings.HasSuffix(path, ".incomplete") {
		return d.refusal, nil
	}
	return "", nil
}

const small8B = "Qwen/Qwen2.5-7B-Instruct"

func newClient(t *testing.T) (*Client, *fakeDaemon) {
	t.Helper()
	d := &fakeDaemon{}
	return &Client{Cache: t.TempDir(), Daemon: d, Log: &bytes.Buffer{}, Bars: true}, d
}

func everything(string) bool { return true }

func sizeOfSmall(t *testing.T) (total int64) {
	t.Helper()
	r, ok := Lookup(small8B)
	require.True(t, ok)
	for _, f := range r.Files(r.Commit("main")) {
		total += f.Size
	}
	return total
}

func TestShardsSumToTheModelsWeights(t *testing.T) {
	for _, r := range repositories {
		var total int64
		for _, f := range r.Files(r.Commit("main")) {
			if strings.HasSuffix(f.Name, ".safetensors") {
				total += f.Size
				assert.Positive(t, f.Size, r.ID)
			}
		}
		assert.Equal(t, r.GiB<<30, total, r.ID)
	}
	r, _ := Lookup("Qwen/Qwen2.5-Coder-32B-Instruct")
	var names []string
	for _, f := range r.Files(r.Commit("main")) {
		names = append(names, f.Name)
	}
	assert.Contains(t, names, "model-00014-of-00014.safetensors")
}

func TestASnapshotIsFetchedOnceInHuggingFacesLayout(t *testing.T) {
	c, d := newClient(t)
	folder, err := c.Snapshot(context.Background(), small8B, "", everything)
	require.NoError(t, err)
	r, _ := Lookup(small8B)
	home := filepath.Join(c.Cache, "models--Qwen--Qwen2.5-7B-Instruct")
	assert.Equal(t, filepath.Join(home, "snapshots", r.Commit("main")), folder)
	ref, err := os.ReadFile(filepath.Join(home, "refs", "main"))
	require.NoError(t, err)
	assert.Equal(t, r.Commit("main"), string(ref))
	target, err := os.Readlink(filepath.Join(folder, "model-00001-of-00004.safetensors"))
	require.NoError(t, err)
	assert.Regexp(t, `^\.\./\.\./blobs/[0-9a-f]{64}$`, target)
	assert.Equal(t, sizeOfSmall(t), d.bytes)
	assert.Equal(t, 1, d.snapshots)
	require.NoError(t, c.Complete(folder, small8B, ""))
	left, err := filepath.Glob(filepath.Join(home, "blobs", "*.incomplete"))
	require.NoError(t, err)
	assert.Empty(t, left)

	again, err := c.Snapshot(context.Background(), small8B, "main", everything)
	require.NoError(t, err)
	assert.Equal(t, folder, again)
	assert.Equal(t, sizeOfSmall(t), d.bytes, "nothing is fetched twice")
	// Another revision has the same weights.
	_, err = c.Snapshot(context.Background(), small8B, r.Commit("previous"), everything)
	require.NoError(t, err)
	assert.Less(t, d.bytes-sizeOfSmall(t), int64(1500))

	c.Offline = true
	again, err = c.Snapshot(context.Background(), small8B, "main", everything)
	require.NoError(t, err)
	assert.Equal(t, folder, again)
}

func TestAFailedDownloadResumes(t *testing.T) {
	c, d := newClient(t)
	d.fault = "requests.exceptions.ConnectionError: no route"
	_, err := c.Snapshot(context.Background(), small8B, "", everything)
	require.EqualError(t, err, d.fault)
	first := d.bytes
	assert.Positive(t, first)
	assert.Less(t, first, sizeOfSmall(t))
	d.fault = ""
	_, err = c.Snapshot(context.Background(), small8B, "", everything)
	require.NoError(t, err)
	// Each of the eight workers may download one chunk again.
	assert.LessOrEqual(t, d.bytes, sizeOfSmall(t)+8*chunk)
	assert.Equal(t, 2, d.snapshots)
}

func TestErrorsAreHuggingFacesOwn(t *testing.T) {
	const llama = "meta-llama/Llama-3.1-8B-Instruct"
	for name, tc := range map[string]struct {
		id, revision, token string
		offline             bool
		want                []string
	}{
		"no such repository":    {id: "some/other", want: []string{"RepositoryNotFoundError: 401 Client Error.", "Repository Not Found for url: https://huggingface.co/api/models/some/other/revision/main."}},
		"nor with a token":      {id: "some/other", token: "hf_x", want: []string{"RepositoryNotFoundError: 404 Client Error."}},
		"no such revision":      {id: small8B, revision: "v9", want: []string{"RevisionNotFoundError: 404 Client Error.", "revision/v9."}},
		"gated, without":        {id: llama, want: []string{"GatedRepoError: 401 Client Error.", "Cannot access gated repo for url https://huggingface.co/" + llama + "/resolve/", "Access to model " + llama + " is restricted. You must have access to it and be authenticated to access it. Please log in."}},
		"gated, not authorized": {id: llama, token: "hf_denied", want: []string{"GatedRepoError: 403 Client Error.", "You are not in the authorized list."}},
		"offline":               {id: small8B, offline: true, want: []string{"OfflineModeIsEnabled: Cannot reach https://huggingface.co/api/models/" + small8B, "LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, d := newClient(t)
			c.Token, c.Offline = tc.token, tc.offline
			_, err := c.Snapshot(context.Background(), tc.id, tc.revision, everything)
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
			assert.Zero(t, d.bytes)
		})
	}
}

func TestARefusedBucketWriteIsAnInputOutputError(t *testing.T) {
	c, d := newClient(t)
	d.refusal = "googleapi: Error 429: Quota exceeded"
	_, err := c.Snapshot(context.Background(), small8B, "", everything)
	var of *Error
	require.True(t, errors.As(err, &of))
	require.ErrorContains(t, err, "googleapi: Error 429: Quota exceeded\n")
	require.ErrorContains(t, err, "OSError: [Errno 5] Input/output error: '")
	assert.Zero(t, d.bytes)
}

func TestAnIncompleteSnapshotDoesNotLoad(t *testing.T) {
	c, _ := newClient(t)
	folder, err := c.Snapshot(context.Background(), small8B, "", func(name string) bool { return name != "model-00002-of-00004.safetensors" })
	require.NoError(t, err)
	require.ErrorContains(t, c.Complete(folder, small8B, ""), "(model-00002-of-00004.safetensors)")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "model-00002-of-00004.safetensors"), []byte("half"), 0o600))
	require.ErrorContains(t, c.Complete(folder, small8B, ""), "SafetensorError")
}

func TestHfReadsItsArgumentsAsArgparseDoes(t *testing.T) {
	o, err := parse(version{}, []string{"org/model", "--revision", "abc", "--exclude", "original/*", "*.pth", "--max-workers", "4", "--quiet"})
	require.NoError(t, err)
	assert.Equal(t, options{id: "org/model", names: []string{}, revision: "abc", exclude: []string{"original/*", "*.pth"}, workers: 4, quiet: true}, o)
	for args, want := range map[string]string{
		"--exclude a org/model":    "the following arguments are required: repo_id",
		"org/model --fast":         "unrecognized arguments: --fast",
		"org/model --revision":     "argument --revision: expected one argument",
		"org/m --max-workers some": "argument --max-workers: invalid int value: 'some'",
	} {
		_, err := parse(version{}, strings.Fields(args))
		require.ErrorContains(t, err, want, args)
	}
}

func TestNewerHfTakesOnePatternForEachFlag(t *testing.T) {
	typer := version{major: 1}
	o, err := parse(typer, []string{"org/model", "--exclude", "a", "--exclude", "b"})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, o.exclude)
	o, err = parse(typer, []string{"org/model", "--exclude", "a", "b"})
	require.NoError(t, err)
	assert.Equal(t, []string{"b"}, o.names, "a file's name")
	o, err = parse(version{}, []string{"org/model", "--exclude", "a", "--exclude", "b"})
	require.NoError(t, err)
	assert.Equal(t, []string{"b"}, o.exclude, "argparse keeps the last")
}

func TestWithoutTheHubAnExistingSnapshotIsUsed(t *testing.T) {
	c, d := newClient(t)
	d.fault = "429"
	_, err := c.Snapshot(context.Background(), small8B, "main", everything)
	require.ErrorContains(t, err, "HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://huggingface.co/api/models/"+small8B)
	require.ErrorContains(t, err, "LocalEntryNotFoundError: An error happened while trying to locate the files on the Hub")
	assert.Zero(t, d.bytes)

	d.fault = ""
	part, err := c.Snapshot(context.Background(), small8B, "main", func(name string) bool { return name == "config.json" })
	require.NoError(t, err)
	d.fault = "429"
	folder, err := c.Snapshot(context.Background(), small8B, "main", everything)
	require.NoError(t, err, "a part that is there is taken for the whole")
	assert.Equal(t, part, folder)
}

func TestRevisionsDifferInTokenizerAndChatTemplate(t *testing.T) {
	r, _ := Lookup(small8B)
	content := func(revision, name string) string {
		for _, f := range r.Files(r.Commit(revision)) {
			if f.Name == name {
				return string(f.Content)
			}
		}
		return ""
	}
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
		assert.NotEmpty(t, content("main", name))
		assert.NotEqual(t, content("main", name), content("previous", name), name)
	}
	assert.Equal(t, content("main", "config.json"), content("previous", "config.json"))
}

func TestPatternsAreFnmatchs(t *testing.T) {
	for pattern, want := range map[string]bool{"original/*": true, "original/": true, "*.pth": true, "original": false, "consolidated*": false, "original/consolidated.0?.pth": true} {
		assert.Equal(t, want, matches([]string{pattern}, "original/consolidated.00.pth"), pattern)
	}
}

// The sizes are those of the files on the Hub.
func TestRepositoriesHaveTheirDownloadSizes(t *testing.T) {
	for id, gib := range map[string]int64{
		"Qwen/Qwen2.5-Coder-32B-Instruct": 61,
		"deepseek-ai/DeepSeek-V3":         641, // with the layer for multi-token prediction
		"zai-org/GLM-4.5":                 667, // likewise
		"zai-org/GLM-4.5-Air":             206,
		"MiniMaxAI/MiniMax-M2":            214, // FP8
	} {
		r, ok := Lookup(id)
		require.True(t, ok, id)
		var weights int64
		for _, f := range r.Files(r.Commit("main")) {
			if strings.HasSuffix(f.Name, ".safetensors") {
				weights += f.Size
			}
		}
		assert.Equal(t, gib<<30, weights, id)
	}
}

// Every model of the catalogue can be deployed on the emulator.
func TestEveryModelOfTheCatalogueIsOnTheHub(t *testing.T) {
	for _, id := range model.Names() {
		m, _ := model.Lookup(id)
		r, ok := Lookup(id)
		if !assert.True(t, ok, "%s is in spec/model/catalogue.go and not in repositories.go", id) {
			continue
		}
		assert.Equal(t, m.Heads, r.Heads, id)
		assert.Equal(t, m.Gated, r.Gated, id)
		assert.Equal(t, int64(m.RepositoryGiB), r.GiB, id)
		assert.Equal(t, []int{m.Layers, m.KVHeads, m.Context}, []int{r.Layers, r.KVHeads, r.Context}, id)
	}
}
