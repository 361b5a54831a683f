// Package configtest provides the configuration of this repository's environments to tests:
// their files, and the defaults in Pulumi.yaml.
package configtest

import (
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/stretchr/testify/require"
)

// Values are raw configuration values by full key, objects as JSON.
type Values map[string]string

// Values that replace the placeholders for users' values.
const (
	Project     = "my-project"
	Reservation = "my-reservation"
)

// Environment returns the values of Pulumi.<stack>.yaml and the defaults, with placeholders
// replaced.
func Environment(t testing.TB, stack string) Values {
	t.Helper()
	values, project := defaults(t)
	own := load(t, project, stack)
	texts, err := own.Config.Decrypt(pulumiconfig.NopDecrypter)
	require.NoError(t, err)
	filled := strings.NewReplacer("your-project-id", Project, "your-reservation", Reservation)
	for key, text := range texts {
		values[key.Namespace()+":"+key.Name()] = filled.Replace(text)
	}
	return values
}

// Secrets returns the keys in Pulumi.<stack>.yaml whose values are encrypted.
func Secrets(t testing.TB, stack string) []string {
	t.Helper()
	_, project := defaults(t)
	keys := []string{}
	for key, value := range load(t, project, stack).Config {
		if value.Secure() {
			keys = append(keys, key.Namespace()+":"+key.Name())
		}
	}
	return keys
}

// Stacks returns the environments of this repository: those whose files git tracks, to exclude
// users' stacks. Without git it returns all.
func Stacks(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(), "Pulumi.*.yaml"))
	require.NoError(t, err)
	if known, err := exec.Command("git", "-C", root(), "ls-files", "--", "Pulumi.*.yaml").Output(); err == nil {
		files = strings.Fields(string(known))
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml"))
	}
	require.NotEmpty(t, names)
	return names
}

func load(t testing.TB, project *workspace.Project, stack string) *workspace.ProjectStack {
	t.Helper()
	sink := diag.DefaultSink(failing{t}, failing{t}, diag.FormatOptions{Color: "never"})
	own, err := workspace.LoadProjectStack(sink, project, filepath.Join(root(), "Pulumi."+stack+".yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, own.Config, "the file of %s says nothing", stack)
	return own
}

// Minimal returns the defaults and the two values that have none.
func Minimal(t testing.TB) Values {
	t.Helper()
	values, _ := defaults(t)
	values["gcp:project"], values["gcp:zone"] = Project, "us-central1-c"
	return values
}

// With returns a copy with changes. pairs are keys, each followed by its value.
func (v Values) With(pairs ...string) Values {
	changed := maps.Clone(v)
	for i := 0; i+1 < len(pairs); i += 2 {
		changed[pairs[i]] = pairs[i+1]
	}
	return changed
}

func defaults(t testing.TB) (Values, *workspace.Project) {
	t.Helper()
	project, err := workspace.LoadProject(filepath.Join(root(), "Pulumi.yaml"))
	require.NoError(t, err)
	values := Values{}
	for key, setting := range project.Config {
		if setting.Default == nil {
			continue
		}
		if !strings.Contains(key, ":") {
			key = string(project.Name) + ":" + key
		}
		if text, ok := setting.Default.(string); ok {
			values[key] = text
			continue
		}
		text, err := json.Marshal(setting.Default)
		require.NoError(t, err)
		values[key] = string(text)
	}
	return values, project
}

// root returns the checkout's folder.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// failing makes every diagnostic a test failure.
type failing struct{ t testing.TB }

func (f failing) Write(text []byte) (int, error) {
	f.t.Errorf("%s", text)
	return len(text), nil
}

func (failing) Close() error { return nil }
