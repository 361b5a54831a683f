// Package lws compares the program's copy of the LeaderWorkerSet API with the controller's
// release.
package lws

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"sglang-tpu/emulator/internal/property"
	"sglang-tpu/emulator/internal/tools"
)

const checkout = "../../.."

// release returns the folder of the controller's module.
func release(t *testing.T) string {
	t.Helper()
	return releaseOf(t, "lws")
}

// releaseOf returns the folder of the controller's module that a folder of tools pins.
func releaseOf(t *testing.T, folder string) string {
	t.Helper()
	dir, err := tools.ModuleFolder(context.Background(), filepath.Join(checkout, "emulator", "tools"), folder, "sigs.k8s.io/lws")
	require.NoError(t, err)
	return dir
}

// registered returns the inputs of a resource that the program's tests have recorded. name is
// its type token and name.
func registered(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout, "stacks", "testdata", "graph", "dev.txt"))
	require.NoError(t, err)
	_, block, found := strings.Cut("\n"+string(text), "\n"+name+"\n")
	require.True(t, found, "the program registers no %s", name)
	block, _, _ = strings.Cut(block, "\n\n")
	var resource struct{ Inputs map[string]any }
	require.NoError(t, yaml.Unmarshal([]byte(block), &resource))
	return resource.Inputs
}

func readYAML(t *testing.T, file string) (object map[string]any) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &object))
	return object
}

func TestProgramAndEmulatorHaveTheSameRelease(t *testing.T) {
	version := registered(t, "kubernetes:helm.sh/v4:Chart lws")["version"]
	chart := readYAML(t, filepath.Join(release(t), "charts", "lws", "Chart.yaml"))
	assert.Equal(t, chart["appVersion"], fmt.Sprint("v", version), "emulator/tools/lws/go.mod and infra/lws/lws.go")
	i := slices.IndexFunc(tools.Runtime, func(tool tools.Tool) bool { return tool.Name == tools.LWSManager })
	require.GreaterOrEqual(t, i, 0)
	assert.Equal(t, tools.Runtime[i].Version, version, "emulator/internal/tools/tools.go and infra/lws/lws.go")
}

// If the chart contained a definition, an upgrade to a chart that has it elsewhere would delete
// the definition and every LeaderWorkerSet (kubernetes-sigs/lws issue 880). Therefore the
// program registers the definitions.
func TestNoChartRegistersADefinition(t *testing.T) {
	for _, folder := range []string{"lws", tools.LWSBefore[0].Folder} {
		templates := filepath.Join(releaseOf(t, folder), "charts", "lws", "templates")
		found := 0
		require.NoError(t, filepath.WalkDir(templates, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			found++
			assert.NotContains(t, string(text), "kind: CustomResourceDefinition", path)
			return err
		}))
		assert.Greater(t, found, 5, templates)
	}
}

// The test of the upgrade (versionBefore in e2e) derives the earlier definition from the
// program's, using the differences that are asserted here.
func TestThePreviousReleaseHasADifferentDefinition(t *testing.T) {
	const (
		file = "charts/lws/crds/leaderworkerset.x-k8s.io_leaderworkersets.yaml"
		path = "spec.versions[0].schema.openAPIV3Schema.properties.status.properties."
	)
	dir := releaseOf(t, tools.LWSBefore[0].Folder)
	assert.Equal(t, "v"+tools.LWSBefore[0].Version, readYAML(t, filepath.Join(dir, "charts", "lws", "Chart.yaml"))["appVersion"])
	before, pinned := readYAML(t, filepath.Join(dir, file)), readYAML(t, filepath.Join(release(t), file))
	assert.NotNil(t, property.At(before, path+"replicas", nil))
	assert.Nil(t, property.At(before, path+"observedGeneration", nil))
	assert.NotNil(t, property.At(pinned, path+"observedGeneration", nil))
}

// A leader whose node is gone gets workers that no node matches, and the group does not start until the leader is deleted
// (kubernetes-sigs/lws pull request 946). With a release that has the fix, docs/troubleshooting.md, docs/proof.md and
// docs/sources.md need no word of it.
func TestThePinnedReleaseSelectsAnEmptyNodePoolForAMissingLeaderNode(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(release(t), "pkg", "controllers", "pod_controller.go"))
	require.NoError(t, err)
	_, function, found := strings.Cut(string(text), ") topologyValueFromPod(")
	require.True(t, found)
	function, _, _ = strings.Cut(function, "\n}\n")
	assert.Contains(t, function, `return "", client.IgnoreNotFound(err)`, "the value for a node that is not found is empty, and no error")
}

// held are the keywords of a schema in which the program's definitions are the chart's.
// The others are documentation, and rules that the controller's webhook has as well.
var held = []string{
	"type", "format", "default", "enum", "required", "properties", "items", "anyOf",
	"x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
}

func TestDefinitionsMatchTheCharts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(release(t), "charts", "lws", "crds", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		chart := readYAML(t, file)
		plural, _ := property.At(chart, "spec.names.plural", nil).(string)
		t.Run(plural, func(t *testing.T) {
			program := registered(t, "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition lws-crd-"+plural)
			for _, path := range []string{
				"metadata.name", "spec.group", "spec.names", "spec.scope",
				"spec.versions[0].name", "spec.versions[0].served", "spec.versions[0].storage", "spec.versions[0].subresources", "spec.versions[1]",
			} {
				assert.Equal(t, property.At(chart, path, nil), property.At(program, path, nil), path)
			}
			columns, _ := property.At(chart, "spec.versions[0].additionalPrinterColumns", nil).([]any)
			for _, column := range columns {
				delete(column.(map[string]any), "description")
				assert.Contains(t, property.At(program, "spec.versions[0].additionalPrinterColumns", nil), column)
			}
			for _, part := range []string{"spec", "status"} {
				path := "spec.versions[0].schema.openAPIV3Schema.properties." + part
				hold(t, path, property.At(chart, path, nil), property.At(program, path, nil))
			}
		})
	}
}

// hold compares two schemas. It does not descend into schemas that preserve unknown fields,
// such as pod templates.
func hold(t *testing.T, path string, chart, program any) {
	t.Helper()
	c, ok := chart.(map[string]any)
	p, okToo := program.(map[string]any)
	if !ok || !okToo {
		assert.Fail(t, "only one has this property", "%s: chart %v, program %v", path, chart, program)
		return
	}
	if p["x-kubernetes-preserve-unknown-fields"] == true {
		assert.Equal(t, "object", c["type"], path)
		return
	}
	for _, key := range held {
		switch at := property.Join(path, key); key {
		case "properties":
			ours, _ := p[key].(map[string]any)
			theirs, _ := c[key].(map[string]any)
			for name := range ours {
				hold(t, property.Join(at, name), theirs[name], ours[name])
			}
			for name := range theirs {
				assert.Contains(t, ours, name, at)
			}
		case "items":
			if c[key] != nil || p[key] != nil {
				hold(t, at, c[key], p[key])
			}
		case "required":
			if strings.Contains(path, "properties.status.") {
				// Only the controller writes a status, so the copy may require less.
				assert.Subset(t, c[key], p[key], path)
			} else {
				assert.Equal(t, c[key], p[key], path)
			}
		default:
			// The recorded graph does not quote strings, so "True" is read as a boolean.
			assert.True(t, strings.EqualFold(fmt.Sprint(c[key]), fmt.Sprint(p[key])), "%s: chart %v, program %v", at, c[key], p[key])
		}
	}
}
