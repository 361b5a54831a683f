package sgljax

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sglang-tpu/emulator/internal/counters"
)

// compileTime is the emulated duration of a compilation that takes 4 to 30 minutes on a TPU.
const compileTime = 500 * time.Millisecond

// compile looks for compiled code in JAX's persistent cache and compiles if it is missing. All
// hosts compile a program for all devices in lockstep, so all ranks look before one writes.
// Only process 0 writes ("Not writing persistent cache entry since process_id != 0",
// jax/_src/compiler.py).
func (m *machine) compile(a arguments, w *world, devices int) error {
	if err := w.barrier(); err != nil {
		return err
	}
	entry := ""
	if dir := os.Getenv("JAX_COMPILATION_CACHE_DIR"); dir != "" {
		entry = filepath.Join(m.Path(dir), "jit_forward-"+compileKey(a, devices, os.Getenv("EMULATOR_IMAGE"))+"-cache")
	}
	hit := false
	if entry != "" {
		_, err := os.Stat(entry)
		hit = err == nil
	}
	if err := m.Post("/counters/compile", counters.Compiled{Pod: m.Pod, Hit: hit}, nil); err != nil {
		return err
	}
	if err := w.barrier(); err != nil {
		return err
	}
	if hit {
		say("Persistent compilation cache hit for 'jit_forward' in %s", filepath.Dir(entry))
		return nil
	}
	say("PERSISTENT COMPILATION CACHE MISS for 'jit_forward'")
	time.Sleep(compileTime)
	if entry == "" || w.rank != 0 {
		return nil
	}
	if err := m.writeEntry(entry); err != nil {
		// JAX continues without the cache.
		say("UserWarning: Error writing persistent compilation cache entry for 'jit_forward': %v", err)
	}
	return nil
}

func (m *machine) writeEntry(entry string) error {
	if err := os.MkdirAll(filepath.Dir(entry), 0o755); err != nil {
		return err
	}
	refusal, err := m.MayWrite(entry)
	if err != nil {
		return err
	}
	if refusal != "" {
		return fmt.Errorf("OSError: [Errno 5] Input/output error: '%s' (%s)", entry, refusal)
	}
	return os.WriteFile(entry, nil, 0o644)
}

// compileKey returns a hash of everything on which the compiled code depends.
func compileKey(a arguments, devices int, image string) string {
	parts := []string{fmt.Sprint(devices), image[strings.LastIndexAny(image, ":@")+1:]}
	for _, flag := range []string{
		"--model-path", "--revision", "--dtype", "--tp-size", "--dp-size", "--ep-size", "--page-size", "--context-length", "--chunked-prefill-size",
		"--max-running-requests", "--mem-fraction-static", "--moe-backend", "--attention-backend", "--quantization", "--quantization-config-path",
	} {
		parts = append(parts, a[flag])
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// barrier returns once all ranks have called it.
func (w *world) barrier() error {
	steps := []func(*peer) error{func(p *peer) error { return p.Encode(verdict{}) }, func(p *peer) error { return p.Decode(&verdict{}) }}
	if w.rank == 0 {
		slices.Reverse(steps) // it answers when all others have called
	}
	for _, step := range steps {
		for i, p := range w.peers {
			if err := step(p); err != nil {
				return fmt.Errorf("RuntimeError: UNAVAILABLE: The following tasks are unhealthy (stopped sending heartbeats): task %d: %w", w.other(i), err)
			}
		}
	}
	return nil
}

// other returns the rank of a peer.
func (w *world) other(i int) int {
	if w.rank == 0 {
		return i + 1
	}
	return 0
}
