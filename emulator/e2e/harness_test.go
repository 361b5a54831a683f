// Package e2e tests the emulator and the program through their commands, as users run them.
package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/model"
	"sglang-tpu/spec/settings"
	"sglang-tpu/spec/topology"
)

// hosts selects the nodes of all slices.
const hosts = topology.AcceleratorLabel + "=" + topology.Accelerator

// inJSONPath escapes a label for kubectl's JSONPath.
func inJSONPath(label string) string { return strings.ReplaceAll(label, ".", `\.`) }

// defaultModel returns the default of the setting model.
func defaultModel(t *testing.T) model.Model {
	t.Helper()
	set := map[string]string{"gcp:project": "emulated-project", "gcp:zone": "us-central1-c"}
	c, err := settings.Load(settings.Source{Get: func(key string) (string, bool) { value, ok := set[key]; return value, ok }})
	require.NoError(t, err)
	return c.Model
}

// world is an emulator with its own home folder, so that the test detects files outside of the
// ignored folder and does not affect the user's stacks.
type world struct {
	checkout string // whose program is used
	root     string // the emulator's folder
	outside  string // home and temporary folder, which must stay empty
	before   string // untracked files at the start
}

// worlds counts the worlds of this run, for the names of their folders.
var worlds atomic.Int64

func newWorld(t *testing.T) *world {
	t.Helper()
	checkout, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	// Worlds run in parallel. The name is short, because paths of sockets have at most 107
	// characters, including the checkout's path.
	w := &world{checkout: checkout, root: filepath.Join(checkout, ".emulator", "e2e", strconv.FormatInt(worlds.Add(1), 10))}
	w.outside = filepath.Join(w.root+"-outside", "home")
	w.before = w.unknown(t)
	require.FileExists(t, filepath.Join(checkout, "bin", "emulator"), "make emulator builds it")
	w.stop(t)
	require.NoError(t, os.RemoveAll(w.root))
	require.NoError(t, os.RemoveAll(filepath.Dir(w.outside)))
	require.NoError(t, os.MkdirAll(w.root, 0o700))
	require.NoError(t, os.MkdirAll(w.outside, 0o700))
	// Tools are built once for the checkout.
	for _, shared := range []string{"bin", "cache"} {
		require.NoError(t, os.Symlink(filepath.Join("..", "..", shared), filepath.Join(w.root, shared)))
	}
	t.Cleanup(func() { w.stop(t) })
	return w
}

// steps returns t.Run for steps that need the ones before them: the test ends with the first
// that fails.
func steps(t *testing.T) func(name string, do func(t *testing.T)) {
	return func(name string, do func(t *testing.T)) {
		if !t.Run(name, do) {
			t.FailNow()
		}
	}
}

func (w *world) stop(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(w.root); err == nil {
		cmd := w.command(context.Background(), filepath.Join(w.checkout, "bin", "emulator"), "stop")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
}

// copyProgram copies the files of the program, and others that patterns of git name, from the
// checkout to a folder, which it empties first.
func (w *world) copyProgram(t *testing.T, dir string, others ...string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(dir))
	files, err := exec.Command("git", append([]string{"-C", w.checkout, "ls-files", "-co", "--exclude-standard", "--", "*.go", "*.sh", "*.tsv", "infra/*.yaml", "go.mod", "go.sum", "Pulumi*.yaml"}, others...)...).Output()
	require.NoError(t, err)
	for _, file := range strings.Fields(string(files)) {
		if _, err := os.Stat(filepath.Join(w.checkout, file)); err == nil {
			require.NoError(t, copyFile(filepath.Join(w.checkout, file), filepath.Join(dir, file)))
		}
	}
}

// goEnviron returns environment variables with the locations of Go's caches and settings, which
// depend on HOME.
var goEnviron = sync.OnceValue(func() []string {
	var env []string
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOFLAGS", "GONOSUMDB", "GOSUMDB", "GOTOOLCHAIN"} {
		out, err := exec.Command("go", "env", name).Output()
		if err == nil {
			env = append(env, name+"="+strings.TrimSpace(string(out)))
		}
	}
	return env
})

// environ returns a user's environment, with the emulator's exports if there is a stack.
func (w *world) environ(stack string) []string {
	env := []string{}
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); !strings.HasPrefix(name, "PULUMI_") && name != "SGLANG_TPU_EMULATOR" && name != "KUBECONFIG" {
			env = append(env, pair)
		}
	}
	env = append(env, goEnviron()...)
	env = append(env, "SGLANG_TPU_EMULATOR="+w.root, "HOME="+w.outside, "TMPDIR="+w.outside)
	if stack == "" {
		return env
	}
	cmd := exec.Command(filepath.Join(w.checkout, "bin", "emulator"), "env", stack)
	cmd.Env, cmd.Dir = env, w.checkout
	out, err := cmd.Output()
	if err != nil {
		panic(fmt.Sprintf("emulator env: %v", err))
	}
	for line := range strings.Lines(string(out)) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if ok {
			env = append(env, name+"="+strings.Trim(value, "'"))
		}
	}
	return env
}

func (w *world) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = w.checkout, w.environ("")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// emulator runs bin/emulator, which must succeed, and returns its output.
func (w *world) emulator(t *testing.T, args ...string) string {
	t.Helper()
	out, err := w.tryEmulator(args...)
	require.NoError(t, err, out)
	return out
}

func (w *world) tryEmulator(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 12*time.Minute)
	defer cancel()
	began := time.Now()
	out, err := w.command(ctx, filepath.Join(w.checkout, "bin", "emulator"), args...).CombinedOutput()
	fmt.Printf("    emulator %s: %s\n", strings.Join(args, " "), time.Since(began).Round(time.Second))
	return string(out), err
}

// shell runs a shell command, which must succeed, in the emulator's environment.
func (w *world) shell(t *testing.T, stack, line string) string {
	t.Helper()
	out, err := w.tryShell(stack, line)
	require.NoError(t, err, "%s\n%s", line, out)
	return out
}

func (w *world) tryShell(stack, line string) (string, error) {
	if strings.Contains(line, ":8000") {
		port8000.Lock()
		defer port8000.Unlock()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 12*time.Minute)
	defer cancel()
	cmd := w.command(ctx, "bash", "-c", line)
	cmd.Env = w.environ(stack)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// port8000 guards this machine's port 8000, which the commands of the tutorial and of the
// stack's outputs forward to the server.
var port8000 sync.Mutex

// background is a command whose output can be read while it runs.
type background struct {
	cmd  *exec.Cmd
	out  *bytes.Buffer
	done chan error
}

func start(cmd *exec.Cmd) (*background, error) {
	b := &background{cmd: cmd, out: &bytes.Buffer{}, done: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = b.out, b.out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { b.done <- cmd.Wait() }()
	return b, nil
}

// processes lists the processes of this world, which are recognized by their environment.
func (w *world) processes() []string {
	var found []string
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		panic(err)
	}
	for _, dir := range dirs {
		if filepath.Base(dir) == strconv.Itoa(os.Getpid()) {
			continue
		}
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || len(line) == 0 {
			continue // it has ended, or is a zombie
		}
		env, _ := os.ReadFile(filepath.Join(dir, "environ")) // it cannot be read for other users' processes
		if bytes.Contains(line, []byte(w.root+"/")) || bytes.Contains(env, []byte(w.root+"\x00")) || bytes.Contains(env, []byte(w.root+"/")) {
			found = append(found, filepath.Base(dir)+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// down destroys the stack dev and checks that nothing is left.
func (w *world) down(t *testing.T) {
	t.Helper()
	w.emulator(t, "down", "dev")
	w.requireNothingLeft(t)
}

// requireNothingLeft checks that make down has left no processes and files.
func (w *world) requireNothingLeft(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return len(w.processes()) == 0 }, 30*time.Second, 100*time.Millisecond, "processes are left: %v", w.processes())
	var files []string
	require.NoError(t, filepath.WalkDir(w.outside, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !strings.Contains(path, "/.config/go/") { // Go's telemetry counters
			files = append(files, path)
		}
		return err
	}))
	require.Empty(t, files, "files outside the ignored folder")
	for _, folder := range []string{"pods", "disks", "buckets", "clusters"} {
		entries, err := os.ReadDir(filepath.Join(w.root, folder))
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		require.Empty(t, entries, "%s of an emulated cloud that is empty", folder)
	}
	require.Equal(t, w.before, w.unknown(t), "files of stacks or of the emulator in the checkout")
}

// unknown returns the untracked files in the checkout, except those of the user's stacks.
func (w *world) unknown(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("git", "-C", w.checkout, "status", "--porcelain", "--", "Pulumi.*", ".emulator*").Output()
	require.NoError(t, err)
	return string(out)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}
