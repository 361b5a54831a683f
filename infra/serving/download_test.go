package serving

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/serverargs"
)

func TestTheDownloadNeedsNoChipsAndWaitsForImageBucketAndToken(t *testing.T) {
	job := serve(t, nil).Get(t, jobType, "serving-download")
	for _, name := range []string{"image", "bucket", "serving-namespace", "serving-hf-secret", "serving-download-account"} {
		assert.True(t, job.DependsOn(name), name)
	}
	assert.False(t, job.DependsOn("slice-0"))
	assert.Equal(t, 6*time.Hour, job.CreateTimeout(t))
	const pod = "spec.template.spec."
	for path, want := range map[string]any{
		`metadata.annotations["pulumi.com/replaceUnready"]`:         "true",
		`spec.template.metadata.annotations["gke-gcsfuse/volumes"]`: "true",
		"spec.podFailurePolicy.rules[0].action":                     "Ignore",
		"spec.podFailurePolicy.rules[0].onPodConditions[0].type":    "DisruptionTarget",
		"spec.backoffLimit":                                2.0,
		pod + "serviceAccountName":                         "sglang-download",
		pod + "automountServiceAccountToken":               false,
		pod + "restartPolicy":                              "Never",
		pod + "nodeSelector":                               nil,
		pod + "tolerations":                                nil,
		pod + "volumes[0].csi.volumeAttributes.bucketName": "p-cache",
		pod + "volumes[0].csi.volumeAttributes.skipCSIBucketAccessCheck": "true",
		pod + "containers[0].image":                                      "registry.example/sglang-jax:abc",
		pod + "containers[0].args":                                       []any{"org/model@main"},
		pod + "containers[0].command":                                    []any{"bash", "-c", downloadScript, "download"},
		pod + "containers[0].terminationMessagePolicy":                   "FallbackToLogsOnError",
		pod + "containers[0].securityContext.allowPrivilegeEscalation":   false,
	} {
		assert.Equal(t, want, job.Value(path), path)
	}
	token := map[string]any{"name": "HF_TOKEN_PATH", "value": "/run/secrets/sglang/hf_api_token"}
	assert.Contains(t, job.Value(pod+"containers[0].env"), token)
	assert.NotContains(t, serve(t, func(a *Args) { a.HFToken = nil }).Get(t, jobType, "serving-download").Value(pod+"containers[0].env"), token)
}

func TestADownloadIsOfAModelAndARevision(t *testing.T) {
	name := func(change func(*Args)) any {
		return serve(t, change).Get(t, jobType, "serving-download").Value("metadata.name")
	}
	same := name(nil)
	assert.Regexp(t, `^download-[0-9a-f]{8}$`, same)
	assert.Equal(t, same, name(func(a *Args) { a.Replicas = 3; a.Arguments = a.Arguments.With("--page-size", "64") }))
	assert.NotEqual(t, same, name(func(a *Args) { a.Arguments = arguments("org/other", "main") }))
	assert.NotEqual(t, same, name(func(a *Args) { a.Arguments = arguments("org/model", "v2") }))
	assert.NotEqual(t, same, name(func(a *Args) { a.Image = "other" }), "the pods of a Job cannot change")
}

func TestFurtherRepositoriesOfTheServerAreDownloaded(t *testing.T) {
	for name, tc := range map[string]struct {
		more serverargs.List
		want []string
	}{
		"the model alone":     {nil, []string{"org/model@main"}},
		"a tokenizer":         {serverargs.List{{Flag: "--tokenizer-path", Values: []string{"org/tokenizer"}}}, []string{"org/model@main", "org/tokenizer@main"}},
		"a path in the image": {serverargs.List{{Flag: "--tokenizer-path", Values: []string{"/opt/tokenizer"}}}, []string{"org/model@main"}},
		"the model's own":     {serverargs.List{{Flag: "--tokenizer-path", Values: []string{"org/model"}}}, []string{"org/model@main"}},
		"a draft model":       {serverargs.List{{Flag: "--speculative-draft-model-path", Values: []string{"org/draft"}}}, []string{"org/model@main", "org/draft@main"}},
		"a revision of its": {serverargs.List{
			{Flag: "--speculative-draft-model-path", Values: []string{"org/draft"}}, {Flag: "--speculative-draft-model-revision", Values: []string{"v2"}},
		}, []string{"org/model@main", "org/draft@v2"}},
		"the model drafts for itself": {serverargs.List{{Flag: "--speculative-draft-model-path", Values: []string{"org/model"}}}, []string{"org/model@main"}},
		"another of its revisions": {serverargs.List{
			{Flag: "--speculative-draft-model-path", Values: []string{"org/model"}}, {Flag: "--speculative-draft-model-revision", Values: []string{"v2"}},
		}, []string{"org/model@main", "org/model@v2"}},
		"adapters": {
			serverargs.List{{Flag: "--lora-paths", Values: []string{"first=org/a", "org/b", "image=/opt/c", "again=org/a"}}},
			[]string{"org/model@main", "org/a@main", "org/b@main"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := &Args{Arguments: arguments("org/model", "main", tc.more...)}
			assert.Equal(t, tc.want, args.repositories())
		})
	}
}

// The server falls back on the model's revision for the draft's.
func TestADraftModelWithoutARevisionUsesTheModelsRevision(t *testing.T) {
	args := &Args{Arguments: arguments("org/model", "v1").With("--speculative-draft-model-path", "org/draft")}
	assert.Equal(t, []string{"org/model@v1", "org/draft@v1"}, args.repositories())
}

// hub is an hf of the test's own: it makes a repository of two files, or does what it is
// told first. Its version and its last words are those of one of the kinds of hf.
const hub = `
if [ "$1" = version ]; then echo '%s'; exit; fi
echo "hf $*" >>"$HF_HOME/calls"
%s
repository=$2
folder=$HF_HOME/hub/models--${repository//\//--}
mkdir -p "$folder/refs" "$folder/snapshots/abc"
printf abc >"$folder/refs/$4"
echo weights >"$folder/snapshots/abc/model-1.safetensors"
echo '{"metadata": {"total_size": 8}, "weight_map": {"a": "model-1.safetensors"}}' >"$folder/snapshots/abc/model.safetensors.index.json"
printf '%s' "$folder/snapshots/abc"`

// kinds of hf differ in what they say, and in how they take several patterns.
var kinds = map[string]struct{ version, end, patterns string }{
	"0.34.6": {"huggingface_hub version: 0.34.6", `%s\n`, "--exclude original/* *.bin *.pth "},
	"1.10.2": {"1.10.2", `%s\n`, "--exclude original/* --exclude *.bin --exclude *.pth "},
	"1.11.0": {"1.11.0", `✓ Downloaded\n  path: %s\n`, "--exclude original/* --exclude *.bin --exclude *.pth "},
	"1.28.0": {"✓ hf version\n  version: 1.28.0", `✓ Downloaded\n  path: %s\n`, "--exclude original/* --exclude *.bin --exclude *.pth "},
}

// download runs the script in a bucket of the test's own.
func download(t *testing.T, bucket, first string, repositories ...string) (code int, said string, calls []string) {
	t.Helper()
	return downloadBy(t, "0.34.6", bucket, first, repositories...)
}

func downloadBy(t *testing.T, version, bucket, first string, repositories ...string) (code int, said string, calls []string) {
	t.Helper()
	l := newLaunch(t, "exit 1", "exit 1", "HF_HOME="+bucket, "WEIGHTS_GIB=61", "BUCKET=p-cache", "ACCOUNT=sglang/sglang-download")
	bin, _, _ := strings.Cut(strings.TrimPrefix(l.command.Env[0], "PATH="), ":")
	for name, body := range map[string]string{
		"hf":    fmt.Sprintf(hub, kinds[version].version, first, kinds[version].end),
		"sleep": `[ "$1" = 30 ] && exec /bin/sleep 30; echo "slept $1"`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+body+"\n"), 0o755))
	}
	l.command.Args = append([]string{"/bin/bash", "-c", downloadScript, "download"}, repositories...)
	code = l.run(t)
	text, err := os.ReadFile(filepath.Join(bucket, "calls"))
	if err == nil {
		calls = strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	return code, l.stdout.String() + l.stderr.String(), calls
}

func TestABucketIsFilledOnce(t *testing.T) {
	bucket := t.TempDir()
	code, said, calls := download(t, bucket, "", "org/model@main", "org/tokenizer@main")
	require.Zero(t, code, said)
	require.Len(t, calls, 2)
	assert.True(t, strings.HasPrefix(calls[0], "hf download org/model --revision main --max-workers 4 --exclude original/* "), calls[0])
	list, err := os.ReadFile(filepath.Join(bucket, "complete", "org--model@main"))
	require.NoError(t, err)
	assert.Contains(t, string(list), "8 hub/models--org--model/snapshots/abc/model-1.safetensors\n")

	code, said, calls = download(t, bucket, "", "org/model@main", "org/tokenizer@main")
	assert.Zero(t, code)
	assert.Len(t, calls, 2, "nothing was asked of the Hub")
	assert.Contains(t, said, "org/model@main is in the bucket already")
}

func TestEachVersionOfHfFillsTheBucket(t *testing.T) {
	for version, kind := range kinds {
		t.Run(version, func(t *testing.T) {
			bucket := t.TempDir()
			code, said, calls := downloadBy(t, version, bucket, "", "org/model@v2")
			require.Zero(t, code, said)
			require.Len(t, calls, 1)
			assert.Contains(t, calls[0]+" ", kind.patterns)
			assert.FileExists(t, filepath.Join(bucket, "complete", "org--model@v2"))
		})
	}
}

func TestARateLimitIsNamedAndWaitedFor(t *testing.T) {
	for name, text := range map[string]string{
		"hf 0.34": "huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://huggingface.co/api/models/org/model/revision/main",
		"hf 1.11": "Error: Local entry not found. 429 Too Many Requests: you have reached your 'api' rate limit.",
	} {
		t.Run(name, func(t *testing.T) {
			code, said, calls := download(t, t.TempDir(), `[ "$(wc -l <"$HF_HOME/calls")" -gt 2 ] || { echo "`+text+`" >&2; exit 1; }`, "org/model@main")
			assert.Zero(t, code, said)
			assert.Len(t, calls, 3)
			assert.Equal(t, 2, strings.Count(said, "slept 310"), "the Hub counts over five minutes")
			assert.Contains(t, said, "429 Too Many Requests); with a token that is more: pulumi config set --secret hfToken hf_...")

			code, said, calls = download(t, t.TempDir(), `echo "`+text+`" >&2; exit 1`, "org/model@main")
			assert.Equal(t, 1, code)
			assert.Len(t, calls, 4)
			assert.Contains(t, said, "org/model@main could not be fetched: the Hub limits how much may be asked (429 Too Many Requests); with a token")
		})
	}
}

// TestAnIncompleteDownloadIsNotTakenForComplete is what hf answers when the Hub does not: the
// snapshot of an earlier attempt, and 0.
func TestAnIncompleteDownloadIsNotTakenForComplete(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for _, revision := range []string{"main", commit} {
		t.Run(revision, func(t *testing.T) {
			// The first attempt ends after one of two files, the second finds the Hub away.
			first := `folder=$HF_HOME/hub/models--org--model; at=` + commit + `
case $(wc -l <"$HF_HOME/calls") in
1) mkdir -p "$folder/refs" "$folder/snapshots/$at"; [ "$4" = $at ] || printf $at >"$folder/refs/$4"; echo x >"$folder/snapshots/$at/config.json"
   echo "ConnectionError: reset" >&2; exit 1 ;;
2) [ "$4" = $at ] || at=$(cat "$folder/refs/$4" 2>/dev/null)
   [ -n "$at" ] && [ -d "$folder/snapshots/$at" ] && { echo "$folder/snapshots/$at"; exit 0; }
   echo "LocalEntryNotFoundError: An error happened" >&2; exit 1 ;;
esac
mkdir -p "$folder/refs" "$folder/snapshots/$at"; [ "$4" = $at ] || printf $at >"$folder/refs/$4"
echo weights >"$folder/snapshots/$at/model.safetensors"; echo x >"$folder/snapshots/$at/config.json"; exit 0`
			bucket := t.TempDir()
			code, said, calls := download(t, bucket, first, "org/model@"+revision)
			require.Zero(t, code, said)
			assert.Len(t, calls, 3)
			list, err := os.ReadFile(filepath.Join(bucket, "complete", "org--model@"+revision))
			require.NoError(t, err)
			assert.Contains(t, string(list), "model.safetensors")
		})
	}
}

func TestAFileThatLostBytesIsFetchedAgain(t *testing.T) {
	bucket := t.TempDir()
	_, _, _ = download(t, bucket, "", "org/model@main")
	file := filepath.Join(bucket, "hub", "models--org--model", "snapshots", "abc", "model-1.safetensors")
	require.NoError(t, os.Truncate(file, 3))
	code, said, calls := download(t, bucket, "", "org/model@main")
	require.Zero(t, code, said)
	assert.Contains(t, said, "model-1.safetensors has 3 of 8 bytes")
	assert.Len(t, calls, 2)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "weights\n", string(whole))
}

func TestMissingWritePermissionOnTheBucketIsReported(t *testing.T) {
	code, said, calls := download(t, "/proc/self/none", "", "org/model@main")
	assert.Equal(t, 1, code)
	assert.Empty(t, calls)
	assert.Contains(t, said, "the Kubernetes service account sglang/sglang-download may not write to the bucket p-cache")
	assert.Contains(t, said, "pulumi up --refresh")
}

func TestAFailedDownloadIsRetriedAndThenExplained(t *testing.T) {
	const once = `[ "$(wc -l <"$HF_HOME/calls")" -gt 1 ] || { echo "ConnectionError: reset" >&2; exit 1; }`
	code, said, calls := download(t, t.TempDir(), once, "org/model@main")
	assert.Zero(t, code, said)
	assert.Len(t, calls, 2)

	code, said, calls = download(t, t.TempDir(), `echo "OSError: [Errno 5] Input/output error" >&2; exit 1`, "org/model@main")
	assert.Equal(t, 1, code)
	assert.Len(t, calls, 4)
	assert.Contains(t, said, "[Errno 5] Input/output error")
	assert.Contains(t, said, "what has come stays in the bucket, and the next pulumi up goes on from there")
}

func TestPermanentErrorsAreNotRetried(t *testing.T) {
	for _, tc := range []struct{ hub, says string }{
		{"huggingface_hub.errors.GatedRepoError: 401 Client Error.", "accept its licence on https://huggingface.co/org/model, then run: pulumi config set --secret hfToken"},
		{"huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error.", "org/model@main is not on the Hub"},
		{"huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error.", "org/model@main is not on the Hub: check sglang-tpu:model and sglang-tpu:modelRevision"},
		{"Error: Access denied. Model 'org/model' requires approval.", "accept its licence on"},
		{"Error: Model 'org/model' not found.", "org/model@main is not on the Hub"},
		{"Error: Revision not found in model 'org/model'.", "org/model@main is not on the Hub"},
	} {
		code, said, calls := download(t, t.TempDir(), `echo "`+tc.hub+`" >&2; exit 1`, "org/model@main")
		assert.Equal(t, 2, code)
		assert.Len(t, calls, 1)
		assert.Contains(t, said, tc.hub)
		assert.Contains(t, said, tc.says)
	}
}

func TestMissingWeightsOfTheIndexAreDetected(t *testing.T) {
	const short = `s=$HF_HOME/hub/models--org--model; mkdir -p "$s/refs" "$s/snapshots/b"; printf b >"$s/refs/main"
echo '"a": "model-2.safetensors"' >"$s/snapshots/b/model.safetensors.index.json"; exit 0`
	code, said, calls := download(t, t.TempDir(), short, "org/model@main")
	assert.Equal(t, 1, code)
	assert.Len(t, calls, 4)
	assert.Contains(t, said, "model-2.safetensors is named in the index of the weights, and is not there")
}
