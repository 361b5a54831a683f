package sgljax

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/counters"
	"sglang-tpu/emulator/internal/guests/guest"
	"sglang-tpu/emulator/internal/guests/hub"
	"sglang-tpu/emulator/internal/socket/sockettest"
)

// fakeDaemon records reports, and rejects writes if it has a refusal.
type fakeDaemon struct {
	mu      sync.Mutex
	hits    map[string]bool // by pod
	refusal string
}

// serve serves the daemon on a socket.
func (d *fakeDaemon) serve(t *testing.T) string {
	t.Helper()
	d.hits = map[string]bool{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /counters/compile", func(w http.ResponseWriter, r *http.Request) {
		var c counters.Compiled
		_ = json.NewDecoder(r.Body).Decode(&c)
		d.mu.Lock()
		d.hits[c.Pod] = c.Hit
		d.mu.Unlock()
		write(w, http.StatusOK, struct{}{})
	})
	mux.HandleFunc("POST /bucket-write", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]string{"refusal": d.refusal})
	})
	return sockettest.Serve(t, mux)
}

// group returns two connected ranks.
func group() [2]*world {
	a, b := net.Pipe()
	return [2]*world{
		{rank: 0, size: 2, peers: []*peer{newPeer(a)}},
		{rank: 1, size: 2, peers: []*peer{newPeer(b)}},
	}
}

// compileAll compiles on both ranks. Their cache folders may be the same or different.
func (d *fakeDaemon) compileAll(t *testing.T, socket string, a arguments, caches [2]string) [2]bool {
	t.Helper()
	t.Setenv("EMULATOR_IMAGE", "registry/image:tag")
	ranks, pods := group(), [2]string{"leader", "worker"}
	var all sync.WaitGroup
	var errs [2]error
	// The cache folder is an environment variable of the process, so each rank has its own root.
	t.Setenv("JAX_COMPILATION_CACHE_DIR", "/cache/jax")
	for i := range ranks {
		all.Go(func() {
			m := &machine{Container: guest.Container{Socket: socket, Pod: pods[i], Root: caches[i]}}
			errs[i] = m.compile(a, ranks[i], 16)
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs[:]...))
	d.mu.Lock()
	defer d.mu.Unlock()
	return [2]bool{d.hits["leader"], d.hits["worker"]}
}

func TestBothHostsFindWhatTheFirstRankWrote(t *testing.T) {
	d := &fakeDaemon{}
	socket := d.serve(t)
	shared := t.TempDir()
	bucket := [2]string{shared, shared}
	a := arguments{"--model-path": "m", "--tp-size": "16"}
	assert.Equal(t, [2]bool{false, false}, d.compileAll(t, socket, a, bucket), "who compiles beside rank 0 has missed, too")
	assert.Equal(t, [2]bool{true, true}, d.compileAll(t, socket, a, bucket))
	assert.Equal(t, [2]bool{false, false}, d.compileAll(t, socket, arguments{"--model-path": "m", "--tp-size": "8"}, bucket))
}

func TestAWorkersOwnDiskNeverHasCompiledCode(t *testing.T) {
	d := &fakeDaemon{}
	socket := d.serve(t)
	disks := [2]string{t.TempDir(), t.TempDir()}
	a := arguments{"--model-path": "m"}
	d.compileAll(t, socket, a, disks)
	assert.Equal(t, [2]bool{true, false}, d.compileAll(t, socket, a, disks))
}

func TestACacheThatCannotBeWrittenIsNoError(t *testing.T) {
	d := &fakeDaemon{refusal: "googleapi: Error 429: quota"}
	socket := d.serve(t)
	shared := t.TempDir()
	a := arguments{"--model-path": "m"}
	d.compileAll(t, socket, a, [2]string{shared, shared})
	assert.Equal(t, [2]bool{false, false}, d.compileAll(t, socket, a, [2]string{shared, shared}))
}

func TestALostRankBreaksTheBarrier(t *testing.T) {
	ranks := group()
	go func() { _ = ranks[1].peers[0].Close() }()
	require.ErrorContains(t, ranks[0].barrier(), "UNAVAILABLE: The following tasks are unhealthy (stopped sending heartbeats): task 1")
}

func TestTheKeyOfCompiledCodeDependsOnItsInputs(t *testing.T) {
	key := func(image string, devices int, pairs ...string) string {
		a := arguments{"--model-path": "m", "--tp-size": "16", "--port": "8000"}
		for i := 0; i < len(pairs); i += 2 {
			a[pairs[i]] = pairs[i+1]
		}
		return compileKey(a, devices, image)
	}
	base := key("host/r/image:a", 16)
	assert.Equal(t, base, key("mirror/image:a", 16), "the same image from elsewhere")
	assert.Equal(t, base, key("host/r/image:a", 16, "--port", "9000"))
	for name, other := range map[string]string{
		"image": key("host/r/image:b", 16), "devices": key("host/r/image:a", 32), "model": key("host/r/image:a", 16, "--model-path", "n"),
		"dp": key("host/r/image:a", 16, "--dp-size", "2"), "ep": key("host/r/image:a", 16, "--ep-size", "2"),
		"page": key("host/r/image:a", 16, "--page-size", "128"), "context": key("host/r/image:a", 16, "--context-length", "4096"),
	} {
		assert.NotEqual(t, base, other, name)
	}
}

func TestTheHubsErrorsHaveTheFormOfTransformers(t *testing.T) {
	for class, want := range map[string]string{
		"GatedRepoError":          "OSError: You are trying to access a gated repo.\nMake sure to have access to it at https://huggingface.co/org/m.\n401 Client Error",
		"RepositoryNotFoundError": "OSError: org/m is not a local folder and is not a valid model identifier",
		"RevisionNotFoundError":   "OSError: v9 is not a valid git identifier",
		"LocalEntryNotFoundError": "OSError: We couldn't connect to 'https://huggingface.co' to load the files",
	} {
		err := transformersError(&hub.Error{Class: "huggingface_hub.errors." + class, Text: "401 Client Error"}, "org/m", "v9")
		require.ErrorContains(t, err, "huggingface_hub.errors."+class+": 401 Client Error\n\nThe above exception was the direct cause")
		require.ErrorContains(t, err, want)
	}
}
