package daemon

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/core/cloud"
	"sglang-tpu/emulator/internal/core/kube"
	"sglang-tpu/emulator/internal/layout"
)

func TestOnlyBucketsRejectWrites(t *testing.T) {
	// The emulator's folder may be a symbolic link; the paths of processes are resolved.
	real := t.TempDir()
	link := filepath.Join(t.TempDir(), "emulator")
	require.NoError(t, os.Symlink(real, link))
	l := layout.Layout{Root: link}
	google, err := cloud.Open(l.CloudFile(), 0)
	require.NoError(t, err)
	d := &daemon{layout: l, cloud: google, manager: &kube.Manager{Layout: l}}
	ask := func(path string) string {
		answer, err := d.bucketWrite(context.Background(), struct{ Pod, Path string }{"c/ns/pod", path})
		require.NoError(t, err)
		return answer.(map[string]string)["refusal"]
	}
	google.SetFaults([]cloud.Fault{{On: "bucket", Match: "cache", Text: "googleapi: Error 429: quota", Times: 1}})
	assert.Empty(t, ask(filepath.Join(real, "buckets", "cache", "hub")), "there is no bucket yet")
	require.NoError(t, os.MkdirAll(l.Bucket("cache"), 0o700))
	assert.Empty(t, ask(filepath.Join(real, "disks", "cache")))
	assert.Equal(t, "googleapi: Error 429: quota", ask(filepath.Join(real, "buckets", "cache", "hub")))
	assert.Empty(t, ask(filepath.Join(real, "buckets", "cache", "hub")), "the fault was for once")
}
