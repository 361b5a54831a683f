package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// refusal is an invalid configuration.
type refusal struct {
	config string // YAML, keys without this program's namespace; stack: its name
	says   []string
}

// TestRefusals runs the real pulumi preview with each configuration. The program is compiled
// once; the emulated cloud is not needed.
func TestRefusals(t *testing.T) {
	release := parallel(t, 30)
	require.GreaterOrEqual(t, len(refusals), 60)
	w := newWorld(t)
	w.emulator(t, "start")
	w.emulator(t, "stop")
	w.compile(t)
	w.init(t, "dev", w.refusals("backend"))

	release()
	for i, r := range refusals {
		t.Run(strings.Join(strings.Fields(r.config), " "), func(t *testing.T) {
			parallel(t, 1)
			out, err := w.refuse(t, i, r.config)
			require.Error(t, err, out)
			for _, part := range r.says {
				assert.Contains(t, out, part)
			}
			assert.NotContains(t, out, "goroutine ", "a stack trace")
			assert.NotContains(t, out, "panic")
			// Pulumi registers the stack before the program runs.
			for line := range strings.Lines(out) {
				if strings.Contains(line, "urn=urn:pulumi") {
					assert.Contains(t, line, "pulumi:pulumi:Stack::", "a resource was registered")
				}
			}
		})
	}
}

// compile builds the program and creates a project that runs the binary, so that Pulumi does
// not compile it for each preview.
func (w *world) compile(t *testing.T) {
	t.Helper()
	build := exec.Command("go", "build", "-ldflags", "-s", "-o", filepath.Join(w.root, "program"), ".")
	build.Dir = w.checkout
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	dir := filepath.Join(w.root, "refusals")
	require.NoError(t, copyFile(filepath.Join(w.checkout, "Pulumi.yaml"), filepath.Join(dir, "Pulumi.yaml")))
	for name, text := range map[string]string{
		"go.mod":  "module starter\n\ngo 1.26\n",
		"main.go": fmt.Sprintf("package main\n\nimport (\n\t\"os\"\n\t\"syscall\"\n)\n\nfunc main() {\n\tpanic(syscall.Exec(%q, os.Args, os.Environ()))\n}\n", filepath.Join(w.root, "program")),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
}

func (w *world) refusals(name string) string { return filepath.Join(w.root, "refusals", name) }

// pulumi runs a shell command in the project's folder with a separate backend.
func (w *world) pulumi(backend, line string) (string, error) {
	cmd := w.command(context.Background(), "bash", "-c", line)
	cmd.Dir = filepath.Join(w.root, "refusals")
	for _, pair := range w.environ("dev") {
		if n, _, _ := strings.Cut(pair, "="); n != "PULUMI_STACK" && n != "PULUMI_OPTION_CONFIG_FILE" && n != "PULUMI_BACKEND_URL" {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, "PULUMI_BACKEND_URL=file://"+backend)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// init creates a backend with one stack.
func (w *world) init(t *testing.T, stack, backend string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(backend, 0o700))
	out, err := w.pulumi(backend, "pulumi stack init --no-select "+stack)
	require.NoError(t, err, out)
}

// refuse previews one configuration with a separate state.
func (w *world) refuse(t *testing.T, number int, config string) (string, error) {
	t.Helper()
	dir := w.refusals(fmt.Sprint(number))
	require.NoError(t, os.MkdirAll(dir, 0o700))

	var stack map[string]any
	require.NoError(t, load(filepath.Join(w.checkout, "Pulumi.dev.yaml"), &stack))
	settings := stack["config"].(map[string]any)
	var changes map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(config), &changes))
	settings["gcp:project"] = "emulated-project" // in the place of what stands for the user's own
	name := "dev"
	if given, ok := changes["stack"]; ok {
		name = given.(string)
		delete(changes, "stack")
	}
	for key, value := range changes {
		if !strings.Contains(key, ":") {
			key = "sglang-tpu:" + key
		}
		if value == nil {
			delete(settings, key)
			continue
		}
		settings[key] = value
	}
	file := filepath.Join(dir, "Pulumi."+name+".yaml")
	require.NoError(t, save(file, map[string]any{"config": settings}))

	backend := filepath.Join(dir, "state")
	if name == "dev" { // a copy is a tenth of the CLI's time
		require.NoError(t, os.CopyFS(backend, os.DirFS(w.refusals("backend"))))
	} else {
		w.init(t, name, backend)
	}
	return w.pulumi(backend, "exec pulumi preview --diff --color never --stack "+name+" --config-file "+file)
}

func load(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return yaml.Unmarshal(text, into)
}

func save(file string, value any) error {
	text, err := yaml.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}
