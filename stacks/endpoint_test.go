package stacks

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/pulumitest"
	"sglang-tpu/stacks/rollout"
)

func TestAnUpKnowsWhosePodsToWaitFor(t *testing.T) {
	var e Endpoint
	_, err := pulumitest.TryRun(e.Serving, configtest.Minimal(t).With("sglang-tpu:readyMinutes", "7", "sglang-tpu:leaderWorkerSet", "coder"))
	require.NoError(t, err)
	assert.Equal(t, 7*time.Minute, e.patience)
	assert.Equal(t, rollout.Goal{
		Namespace: "sglang", Set: "coder", HashLabel: "sglang-tpu/pod-template",
	}, e.goal)
	assert.Contains(t, e.kubeconfig, "gke-gcloud-auth-plugin")
}

func TestAwaitReturnsAtOnceIfNothingWasCreated(t *testing.T) {
	var e Endpoint
	_, err := pulumitest.TryRun(e.Serving, configtest.Minimal(t).With("sglang-tpu:topology", "2x2"))
	require.Error(t, err)
	var out bytes.Buffer
	require.NoError(t, e.Await(t.Context(), &out))
	assert.Empty(t, out.String())

	_, err = pulumitest.TryRun(e.Serving, configtest.Minimal(t), pulumitest.Preview)
	require.NoError(t, err)
	require.NoError(t, e.Await(t.Context(), &out), "a preview")

	e.kubeconfig = "{"
	assert.ErrorContains(t, e.Await(t.Context(), &out), "cannot check whether the pods are ready")
}
