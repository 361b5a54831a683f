package stacks

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/internal/pulumitest"
)

var update = flag.Bool("update", false, "write the recorded resource graphs anew")

// regenerate is what to do about a graph that changed on purpose.
const regenerate = "the resource graph of %s is not the recorded one. If that is what the change is for, run `make goldens` and commit %s with it: its diff is what reviewers read"

// TestTheGraphOfEachEnvironmentIsTheRecordedOne makes a diff of the code a diff of the
// graph, without an emulator or an account.
func TestTheGraphOfEachEnvironmentIsTheRecordedOne(t *testing.T) {
	for _, stack := range configtest.Stacks(t) {
		t.Run(stack, func(t *testing.T) {
			secrets, err := json.Marshal(configtest.Secrets(t, stack))
			require.NoError(t, err)
			t.Setenv(pulumi.EnvConfigSecretKeys, string(secrets))
			g, err := pulumitest.TryRun(new(Endpoint).Serving, configtest.Environment(t, stack), pulumitest.WithStack(stack))
			require.NoError(t, err)
			file := filepath.Join("testdata", "graph", stack+".txt")
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(g.Text()), 0o644))
			}
			recorded, err := os.ReadFile(file)
			if !os.IsNotExist(err) {
				require.NoError(t, err)
			}
			if string(recorded) != g.Text() {
				assert.Fail(t, firstDifference(string(recorded), g.Text()), regenerate, stack, "stacks/"+file)
			}
		})
	}
}

func TestThereAreNoRecordedGraphsWithoutAnEnvironment(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "graph", "*.txt"))
	require.NoError(t, err)
	var recorded []string
	for _, file := range files {
		recorded = append(recorded, strings.TrimSuffix(filepath.Base(file), ".txt"))
	}
	assert.ElementsMatch(t, configtest.Stacks(t), recorded)
}

// firstDifference shows the first line that differs, under the resource that it is in.
func firstDifference(recorded, now string) string {
	old, lines := strings.Split(recorded, "\n"), strings.Split(now, "\n")
	in := ""
	for i := 0; i < len(old) || i < len(lines); i++ {
		was, is := "(nothing)", "(nothing)"
		if i < len(old) {
			was = old[i]
		}
		if i < len(lines) {
			is = lines[i]
		}
		if was != is {
			return "in " + in + "\n  recorded: " + was + "\n  now:      " + is
		}
		if is != "" && is[0] != ' ' {
			in = is
		}
	}
	return ""
}

// What is registered follows from the configuration, not from the project's name, by which
// only URNs differ.
func TestAProjectOfAnotherNameRegistersTheSame(t *testing.T) {
	const name = "my.endpoint"
	values := configtest.Values{}
	for key, value := range configtest.Environment(t, "dev") {
		values[strings.Replace(key, "sglang-tpu:", name+":", 1)] = value
	}
	g, err := pulumitest.TryRun(new(Endpoint).Serving, values, pulumitest.WithStack("dev"), pulumitest.WithProject(name))
	require.NoError(t, err)
	recorded, err := os.ReadFile(filepath.Join("testdata", "graph", "dev.txt"))
	require.NoError(t, err)
	now := strings.ReplaceAll(g.Text(), name, pulumitest.Project)
	if string(recorded) != now {
		assert.Fail(t, firstDifference(string(recorded), now))
	}
}
