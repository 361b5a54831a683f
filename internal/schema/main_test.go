package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"sglang-tpu/internal/configtest"
	"sglang-tpu/spec/settings"
)

var root = filepath.Join("..", "..")

func TestGeneratedFilesFollowTheSettingsTypes(t *testing.T) {
	files, err := generate(root)
	require.NoError(t, err)
	require.Contains(t, files, "README.md")
	require.Contains(t, files, "Pulumi.yaml")
	for name, want := range files {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		assert.Equal(t, want, string(text), "make schema brings %s up to date", name)
	}
}

func TestEverySettingIsDescribed(t *testing.T) {
	all, err := settingsSchema(root)
	require.NoError(t, err)
	require.Len(t, fieldsOf(all), len(settings.Keys()))
	for _, f := range flat("", fieldsOf(all)) {
		assert.NotEmpty(t, f.schema.Description, "%s has no comment in its type", f.name)
		assert.NotContains(t, []string{"", "any"}, typeName(f.schema), f.name)
	}
}

// schemaOf compiles the schema of a project's stack files.
func schemaOf(t *testing.T, project string) *jsonschema.Schema {
	t.Helper()
	all, err := settingsSchema(root)
	require.NoError(t, err)
	text, err := fileSchema(all, project)
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("environment.json", document))
	compiled, err := c.Compile("environment.json")
	require.NoError(t, err)
	return compiled
}

func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	var file any
	require.NoError(t, yaml.Unmarshal([]byte(text), &file), text)
	return schema.Validate(file)
}

func TestTheEnvironmentsOfTheCheckoutFitTheSchemaThatTheyName(t *testing.T) {
	schema := schemaOf(t, settings.Namespace)
	for _, stack := range configtest.Stacks(t) {
		text, err := os.ReadFile(filepath.Join(root, "Pulumi."+stack+".yaml"))
		require.NoError(t, err)
		assert.Contains(t, string(text), "# yaml-language-server: $schema="+schemaFile+"\n", stack)
		assert.NoError(t, validate(t, schema, string(text)), stack)
	}
}

func TestTheSchemaAcceptsWhatTheProgramAccepts(t *testing.T) {
	schema := schemaOf(t, settings.Namespace)
	for _, line := range []string{
		`sglang-tpu:replicas: "2"`, // pulumi config set quotes numbers
		`sglang-tpu:replicas: 2`,
		`sglang-tpu:protect: "true"`,
		`replicas: 2`, // of the project
		`sglang-tpu:gke: {minVersion: 1.35}`,
		`sglang-tpu:labels: {team: 7, paid: true}`,
		`sglang-tpu:serverArguments: [--page-size, 64]`,
		`sglang-tpu:hfToken: {secure: v1:abc}`,
		`sglang-tpu:hfToken: ""`,
		`sglang-tpu:cache: {mode: disk, sizeGiB: "500"}`,
		`sglang-tpu:maintenance: {exclusions: [{name: a, start: "2027-01-01", end: "2027-01-31", scope: NO_UPGRADES}]}`,
		`pulumi:tags: {a: b}`,
		`aws:region: us-east-1`,
	} {
		assert.NoError(t, validate(t, schema, "config: {gcp:project: p, "+line+"}\nencryptionsalt: v1:abc\n"), line)
	}
}

func TestTheSchemaRejectsWhatTheTypesReject(t *testing.T) {
	schema := schemaOf(t, settings.Namespace)
	for _, line := range []string{
		`sglang-tpu:mode1: x`, `gcp:credentials: key.json`, `mode1: x`,
		`sglang-tpu:capacity: {mod: spot}`,
		`sglang-tpu:capacity: {mode: cheap}`,
		`sglang-tpu:capacity: spot`,
		`sglang-tpu:replicas: two`,
		`sglang-tpu:replicas: 101`,
		`sglang-tpu:protect: maybe`,
		`sglang-tpu:systemPool: {nodes: 0}`,
		`sglang-tpu:serverArguments: --page-size`,
		`sglang-tpu:hfToken: hf_in_plain_text`,
		`sglang-tpu:image: {keepDays: 30}`,
		`sglang-tpu:maintenance: {exclusions: [{nam: a}]}`,
		`sglang-tpu:labels: {team: {a: 1}}`,
	} {
		assert.Error(t, validate(t, schema, "config: {"+line+"}\n"), line)
	}
}

func TestAPlaceInADocumentIsFilledByItsName(t *testing.T) {
	all, err := settingsSchema(root)
	require.NoError(t, err)
	text, err := tables("a\n<!-- settings: capacity -->\nold\n<!-- end of settings -->\nb\n", all)
	require.NoError(t, err)
	assert.Contains(t, text, "a\n<!-- settings: capacity -->\n| field | type | default | meaning |\n")
	assert.Contains(t, text, "| `mode` | `spot`, `on-demand`, `reservation` or `flex-start` | `spot` |")
	assert.NotContains(t, text, "old")
	for _, broken := range []string{"<!-- settings: nothing -->\n<!-- end of settings -->\n", "<!-- settings -->\nrows\n", "<!-- settings: a b -->\n<!-- end of settings -->\n"} {
		_, err := tables(broken, all)
		assert.Error(t, err, broken)
	}
	_, err = projectFile("name: x\n", all)
	assert.ErrorContains(t, err, "no place")
}
