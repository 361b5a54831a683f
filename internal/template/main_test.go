package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var root = filepath.Join("..", "..")

func TestATemplateIsTheProgramAndNothingElse(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "template")
	require.NoError(t, write(root, folder))
	require.NoError(t, write(root, folder), "again, over itself")
	for _, name := range []string{"main.go", "Pulumi.yaml", "go.mod", "go.sum", "LICENSE", "README.md", "infra/serving/launch.sh", "spec/serverargs/server_arguments.tsv"} {
		assert.FileExists(t, filepath.Join(folder, name))
	}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		require.NoError(t, err)
		assert.NotContains(t, []string{"emulator", "internal", "testdata", "hack", ".github"}, entry.Name(), path)
		assert.False(t, strings.HasSuffix(path, "_test.go"), path)
		return nil
	}))
	list := exec.Command("go", "list", "-deps", "-e", "-f", "{{with .Error}}{{.}}{{end}}", ".")
	list.Dir = folder
	out, err := list.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Empty(t, strings.TrimSpace(string(out)), "every package that is imported is there, with what it embeds")
}

func TestATemplateTakesTheNameOfTheNewProject(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, write(root, folder))
	for _, name := range []string{"Pulumi.yaml", "schema/environment.json"} { // as pulumi new does
		file := filepath.Join(folder, name)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		filled := strings.NewReplacer("${PROJECT}", "my.endpoint", "${DESCRIPTION}", "Mine").Replace(string(text))
		require.NoError(t, os.WriteFile(file, []byte(filled), 0o600))
	}
	project, err := workspace.LoadProject(filepath.Join(folder, "Pulumi.yaml"))
	require.NoError(t, err)
	assert.EqualValues(t, "my.endpoint", project.Name)
	assert.Contains(t, project.Config, "topology", "without a namespace it is the project's own")
	assert.Contains(t, project.Template.Config, "hfToken")

	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(folder, "schema", "environment.json"))
	require.NoError(t, err)
	valid := func(key string) error {
		return schema.Validate(map[string]any{"config": map[string]any{key: "2x2x1"}})
	}
	assert.NoError(t, valid("my.endpoint:topology"))
	assert.NoError(t, valid("topology"))
	assert.Error(t, valid("my.endpoint:mode1"))
	assert.Error(t, valid("gcp:credentials"))
}

func TestAFolderThatIsNotATemplateIsNotChanged(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "thesis.txt")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	require.ErrorContains(t, write(root, folder), "is not empty, and no template")
	assert.FileExists(t, file)
}
