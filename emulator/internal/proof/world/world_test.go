package world

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/layout"
	"sglang-tpu/emulator/internal/sandbox"
)

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
}

func TestACopyOmitsWhatEveryStartRecreates(t *testing.T) {
	root := t.TempDir()
	w := &World{
		Stack:     (&sandbox.Sandbox{Layout: layout.Layout{Root: filepath.Join(root, "w")}}).Stack("dev"),
		snapshots: filepath.Join(root, "s"),
	}
	tool := filepath.Join(root, "tool")
	write(t, root, map[string]string{"tool": "x"})
	write(t, w.Layout.Root, map[string]string{"cloud.json": "before", "clusters/c/etcd/wal": "1", "pods/p/log": "x", "tmp/x": "x"})
	require.NoError(t, os.Symlink(tool, w.Layout.Bin()))
	require.NoError(t, w.Save(t.Context(), "full"))
	assert.NoDirExists(t, filepath.Join(w.snapshots, "full", "pods"))

	write(t, w.Layout.Root, map[string]string{"cloud.json": "after", "buckets/b/o": "new"})
	require.NoError(t, w.copy(t.Context(), filepath.Join(w.snapshots, "full"), w.Layout.Root))
	text, err := os.ReadFile(w.Layout.CloudFile())
	require.NoError(t, err)
	assert.Equal(t, "before", string(text))
	assert.NoDirExists(t, w.Layout.Buckets(), "what came later is gone")
	assert.NoDirExists(t, filepath.Join(w.Layout.Root, "pods"))
	assert.FileExists(t, filepath.Join(w.Layout.Cluster("c"), "etcd", "wal"))
	link, err := os.Readlink(w.Layout.Bin())
	require.NoError(t, err)
	assert.Equal(t, tool, link, "tools are not copied, and stay")
}

func TestSnapshotsAreReusedForTheSameProgramSettingsAndEmulator(t *testing.T) {
	root := t.TempDir()
	w := &World{
		Stack:     (&sandbox.Sandbox{Program: filepath.Join(root, "p"), Layout: layout.Layout{Root: filepath.Join(root, "w")}}).Stack("dev"),
		snapshots: filepath.Join(root, "s"), settings: []string{"a=b"},
	}
	emulator := filepath.Join(root, "emulator")
	write(t, root, map[string]string{"emulator": "1", "p/program": "1", "p/Pulumi.dev.yaml": "config: {}", "w/cloud.json": "{}"})
	require.NoError(t, w.dropStale(emulator))
	for name, change := range map[string]func(){
		"the program":  func() { write(t, root, map[string]string{"p/program": "2"}) },
		"its settings": func() { w.settings = []string{"a=c"} },
		"its file":     func() { write(t, root, map[string]string{"p/Pulumi.dev.yaml": "config: {a: b}"}) },
		"the emulator": func() { write(t, root, map[string]string{"emulator": "2"}) },
	} {
		require.NoError(t, w.Save(t.Context(), "full"), name)
		require.NoError(t, w.dropStale(emulator), name)
		assert.True(t, w.Has("full"), "nothing has changed before %s", name)
		change()
		require.NoError(t, w.dropStale(emulator), name)
		assert.False(t, w.Has("full"), "another one is %s", name)
	}
}
