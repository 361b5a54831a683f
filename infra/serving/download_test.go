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

	"sglang-tpu/infra/arguments"
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
	assert.Equal(t, same, name(func(a *Args) { a.Replicas = 3; a.Plan = nil }))
	assert.NotEqual(t, same, name(func(a *Args) { a.ModelID = "org/other" }))
	assert.NotEqual(t, same, name(func(a *Args) { a.Revision = "v2" }))
	assert.NotEqual(t, same, name(func(a *Args) { a.Image = "other" }), "the pods of a Job cannot change")
}

func TestRepositoriesThatTheServerLooksForBesideTheModelComeToo(t *testing.T) {
	for name, tc := range map[string]struct {
		plan []string
		user arguments.List
		want []string
	}{
		"the model alone":      {nil, nil, []string{"org/model@main"}},
		"a tokenizer":          {[]string{"--tokenizer-path", "org/tokenizer"}, nil, []string{"org/model@main", "org/tokenizer@main"}},
		"the user's tokenizer": {[]string{"--tokenizer-path", "org/tokenizer"}, arguments.List{{Flag: "--tokenizer-path", Values: []string{"org/own"}}}, []string{"org/model@main", "org/own@main"}},
		"a path in the image":  {nil, arguments.List{{Flag: "--tokenizer-path", Values: []string{"/opt/tokenizer"}}}, []string{"org/model@main"}},
		"the model's own":      {[]string{"--tokenizer-path", "org/model"}, nil, []string{"org/model@main"}},
		"a draft model":        {nil, arguments.List{{Flag: "--speculative-draft-model-path", Values: []string{"org/draft"}}}, []string{"org/model@main", "org/draft@main"}},
		"a revision of its": {nil, arguments.List{
			{Flag: "--speculative-draft-model-path", Values: []string{"org/draft"}}, {Flag: "--speculative-draft-model-revision", Values: []string{"v2"}},
		}, []string{"org/model@main", "org/draft@v2"}},
		"the model drafts for itself": {nil, arguments.List{{Flag: "--speculative-draft-model-path", Values: []string{"org/model"}}}, []string{"org/model@main"}},
		"another of its revisions": {nil, arguments.List{
			{Flag: "--speculative-draft-model-path", Values: []string{"org/model"}}, {Flag: "--speculative-draft-model-revision", Values: []string{"v2"}},
		}, []string{"org/model@main", "org/model@v2"}},
		"adapters": {
			nil,
			arguments.List{{Flag: "--lora-paths", Values: []string{"first=org/a", "org/b", "image=/opt/c", "again=org/a"}}},
			[]string{"org/model@main", "org/a@main", "org/b@main"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := &Args{ModelID: "org/model", Plan: tc.plan, Arguments: tc.user}
			assert.Equal(t, tc.want, args.repositories())
		})
	}
}

// The server falls back on the model's revision for the draft's.
func TestADraftModelWithoutARevisionIsLookedForAtTheModels(t *testing.T) {
	args := &Args{ModelID: "org/model", Revision: "v1", Arguments: arguments.List{{Flag: "--speculative-draft-model-path", Values: []string{"org/draft"}}}}
	assert.Equal(t, []string{"org/model@v1", "org/draft@v1"}, args.repositories())
}

// hub is an hf of the test's own: it makes a repository of two files, or does what it is
// told first.
const hub = `
echo "hf $*" >>"$HF_HOME/calls"
%s
repository=$2
snapshot=$HF_HOME/hub/models--${repository//\//--}/snapshots/abc
mkdir -p "$snapshot"
echo weights >"$snapshot/model-1.safetensors"
echo '{"metadata": {"total_size": 8}, "weight_map": {"a": "model-1.safetensors"}}' >"$snapshot/model.safetensors.index.json"
echo "$snapshot"`

// download runs the script in a bucket of the test's own.
func download(t *testing.T, bucket, first string, repositories ...string) (code int, said string, calls []string) {
	t.Helper()
	l := newLaunch(t, "exit 1", "exit 1", "HF_HOME="+bucket, "WEIGHTS_GIB=61", "BUCKET=p-cache", "ACCOUNT=sglang/sglang-download")
	bin, _, _ := strings.Cut(strings.TrimPrefix(l.command.Env[0], "PATH="), ":")
	for name, body := range map[string]string{"hf": fmt.Sprintf(hub, first), "sleep": `[ "$1" = 30 ] && exec /bin/sleep 30; exit 0`} {
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

func TestABucketThatMayNotBeWrittenIsSaid(t *testing.T) {
	code, said, calls := download(t, "/proc/self/none", "", "org/model@main")
	assert.Equal(t, 1, code)
	assert.Empty(t, calls)
	assert.Contains(t, said, "the Kubernetes service account sglang/sglang-download may not write to the bucket p-cache")
	assert.Contains(t, said, "pulumi up --refresh")
}

func TestADownloadThatFailsIsTriedAgainAndThenSaysWhatHappensNext(t *testing.T) {
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

func TestWhatNoOtherTryWouldHelpEndsAtOnce(t *testing.T) {
	for _, tc := range []struct{ hub, says string }{
		{"huggingface_hub.errors.GatedRepoError: 401 Client Error.", "accept its licence on https://huggingface.co/org/model, then run: pulumi config set --secret hfToken"},
		{"huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error.", "org/model@main is not on the Hub: check sglang-tpu:model and sglang-tpu:modelRevision"},
	} {
		code, said, calls := download(t, t.TempDir(), `echo "`+tc.hub+`" >&2; exit 1`, "org/model@main")
		assert.Equal(t, 2, code)
		assert.Len(t, calls, 1)
		assert.Contains(t, said, tc.hub)
		assert.Contains(t, said, tc.says)
	}
}

func TestWeightsThatTheIndexNamesAndThatAreNotThereAreNoticed(t *testing.T) {
	const short = `mkdir -p "$HF_HOME/s"; echo '"a": "model-2.safetensors"' >"$HF_HOME/s/model.safetensors.index.json"; echo "$HF_HOME/s"; exit 0`
	code, said, calls := download(t, t.TempDir(), short, "org/model@main")
	assert.Equal(t, 1, code)
	assert.Len(t, calls, 4)
	assert.Contains(t, said, "model-2.safetensors is named in the index of the weights, and is not there")
}
