package settings

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/internal/configtest"
)

// inNewProject loads what pulumi new leaves under another name: the defaults of Pulumi.yaml are in
// the project's own namespace.
func inNewProject(t *testing.T, pairs ...string) (*Config, error) {
	t.Helper()
	values := configtest.Values{}
	for key, value := range coder(t) {
		values[strings.Replace(key, Namespace+":", "my.endpoint:", 1)] = value
	}
	values = values.With(pairs...)
	return Load(Source{
		Project:  "my.endpoint",
		Get:      func(key string) (string, bool) { v, ok := values[key]; return v, ok },
		IsSecret: func(key string) bool { return strings.HasSuffix(key, "hfToken") },
		Keys:     slices.Collect(maps.Keys(values)),
	})
}

func TestSettingsAreReadInTheProjectsOwnNamespace(t *testing.T) {
	c, err := inNewProject(t)
	require.NoError(t, err)
	same, err := load(coder(t))
	require.NoError(t, err)
	assert.Equal(t, same.Settings, c.Settings)
	assert.Equal(t, "my.endpoint:readyMinutes", c.Key("readyMinutes"))

	c, err = inNewProject(t, "my.endpoint:replicas", "2", "my.endpoint:capacity", `{"mode":"flex-start"}`, "my.endpoint:hfToken", "hf_x")
	require.NoError(t, err)
	assert.Equal(t, 2, c.Replicas)
	assert.Equal(t, "flex-start", c.Capacity.Mode)
	assert.EqualValues(t, "my.endpoint:hfToken", c.HFToken)
}

// Whoever renames a project that is up keeps its configuration.
func TestThisProgramsNamespaceAlsoWorksInAnotherProject(t *testing.T) {
	c, err := inNewProject(t, "sglang-tpu:replicas", "2", "sglang-tpu:capacity", `{"mode":"on-demand"}`, "sglang-tpu:labels", `{"a":"b"}`,
		"sglang-tpu:serverArguments", `["--enable-metrics"]`, "sglang-tpu:topology", "2x2x4", "sglang-tpu:protect", "true", "sglang-tpu:hfToken", "hf_x")
	require.NoError(t, err)
	assert.Equal(t, 2, c.Replicas)
	assert.Equal(t, "on-demand", c.Capacity.Mode)
	assert.Equal(t, map[string]string{"a": "b"}, c.Labels)
	assert.True(t, c.Arguments.Has("--enable-metrics"))
	assert.Equal(t, "2x2x4", c.Topology.String())
	assert.True(t, c.Protect)
	assert.EqualValues(t, "sglang-tpu:hfToken", c.HFToken)
	assert.Equal(t, "sglang-tpu:replicas", c.Key("replicas"))
}

func TestASettingInBothNamespacesIsRejectedWithBothKeys(t *testing.T) {
	for _, tc := range []struct{ name, own, old string }{
		{"replicas", "2", "3"},
		{"replicas", "2", "2"},
		{"capacity", `{"mode":"on-demand"}`, `{"mode":"spot"}`},
		{"labels", `{"a":"b"}`, `{}`},
		{"hfToken", "hf_x", "hf_y"},
	} {
		_, err := inNewProject(t, "my.endpoint:"+tc.name, tc.own, "sglang-tpu:"+tc.name, tc.old)
		assert.EqualError(t, err, "config my.endpoint:"+tc.name+": is set, and so is sglang-tpu:"+tc.name+", which is the same setting; remove one of the two")
	}
}

func TestAnUnknownKeyIsRejectedInBothNamespaces(t *testing.T) {
	_, err := inNewProject(t, "my.endpoint:mode1", "x", "sglang-tpu:mode1", "x", "other:mode1", "x")
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 2, err)
	assert.Contains(t, lines[0], "config my.endpoint:mode1: is not a setting (did you mean model?)")
	assert.Contains(t, lines[1], "config sglang-tpu:mode1: is not a setting (did you mean model?)")
}

// A remedy that is typed as it is must not set a key in the other namespace.
func TestProblemsUseTheProjectsKeys(t *testing.T) {
	_, err := inNewProject(t, "my.endpoint:topology", "2x2", "my.endpoint:image", `{"source":"prebuilt","repository":"x"}`)
	require.ErrorContains(t, err, `config my.endpoint:topology: "2x2" is not`)
	assert.ErrorContains(t, err, "config my.endpoint:image.reference: is empty")
	assert.NotContains(t, err.Error(), "sglang-tpu:")

	_, err = inNewProject(t, "sglang-tpu:capacity", `{"mode":"reservation","reservation":"your-reservation"}`)
	require.EqualError(t, err, `config sglang-tpu:capacity.reservation: "your-reservation" is a placeholder for the name of your reservation; `+
		`run: pulumi config set --path sglang-tpu:capacity.reservation NAME`)
	_, err = inNewProject(t, "my.endpoint:serverArguments", `["--tp-size","8"]`)
	assert.ErrorContains(t, err, "set my.endpoint:topology")

	c, err := inNewProject(t, "my.endpoint:serverArguments", `["--enable-metrics"]`)
	require.NoError(t, err)
	require.Len(t, c.Warnings, 1)
	assert.Contains(t, c.Warnings[0].Error(), "config my.endpoint:topology: ")
}
