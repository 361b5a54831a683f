package prerequisites

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	require.NoError(t, err)
	return string(text)
}

// recorded is what the stack registers: the graphs of all environments, and all
// properties that tests of other settings see.
func recorded(t *testing.T) string {
	t.Helper()
	graphs, err := filepath.Glob(filepath.Join("..", "..", "stacks", "testdata", "graph", "*.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, graphs)
	text := read(t, "stacks", "testdata", "properties.txt")
	for _, graph := range graphs {
		text += read(t, "stacks", "testdata", "graph", filepath.Base(graph))
	}
	return text
}

func TestEveryTypeOfTheStackHasItsRoles(t *testing.T) {
	registered := regexp.MustCompile(`\bgcp:[a-zA-Z]+/[a-zA-Z]+:[A-Za-z]+`).FindAllString(recorded(t), -1)
	slices.Sort(registered)
	registered = slices.Compact(registered)
	require.Greater(t, len(registered), 10)

	var listed []string
	for _, need := range Needs {
		if need.Type == AllKubernetes {
			assert.Contains(t, recorded(t), "kubernetes:core/v1:")
			continue
		}
		listed = append(listed, need.Type)
	}
	assert.Equal(t, registered, listed, "spec/prerequisites/roles.go says who may create each type; go run ./internal/docs then writes the table")
}

func TestEveryNeedNamesPermissionsAndPredefinedRoles(t *testing.T) {
	permission := regexp.MustCompile(`^[a-z]+\.[a-zA-Z]+\.[a-zA-Z]+$`)
	role := regexp.MustCompile(`^roles/[a-z]+\.[a-zA-Z0-9.]+$`)
	for _, need := range Needs {
		require.NotEmpty(t, need.Deploy, need.Type)
		require.NotEmpty(t, need.Preview, need.Type)
		for _, grant := range append(slices.Clone(need.Deploy), need.Preview...) {
			assert.Regexp(t, permission, grant.Permission, need.Type)
			assert.Regexp(t, role, grant.Role, need.Type)
		}
		for _, grant := range need.Preview {
			assert.Regexp(t, `\.(get|list|getIamPolicy)$`, grant.Permission, "a preview reads")
		}
	}
}

func TestTheDeployerOfEveryStackNeedsNoSecretManager(t *testing.T) {
	grants := DeployGrants()
	assert.True(t, slices.IsSortedFunc(grants, func(a, b Grant) int { return strings.Compare(a.Role, b.Role) }))
	for _, grant := range grants {
		assert.NotContains(t, grant.Role, "secretmanager")
	}
}

func TestTheStackEnablesTheAPIs(t *testing.T) {
	var enabled []string
	for _, match := range regexp.MustCompile(`(?m)^ +service: ([a-z]+\.googleapis\.com)$`).FindAllStringSubmatch(read(t, "stacks", "testdata", "graph", "dev.txt"), -1) {
		enabled = append(enabled, match[1])
	}
	assert.Subset(t, enabled, CommonAPIs())
}

func TestMinimumVersionsAreTheProgramsOwn(t *testing.T) {
	minimum := map[string]string{}
	for _, tool := range Tools {
		assert.NotEmpty(t, tool.For, tool.Name)
		assert.NotEmpty(t, tool.Install, tool.Name)
		assert.Equal(t, tool.Name, tool.Version[0])
		minimum[tool.Name] = tool.Minimum
	}
	assert.Contains(t, read(t, "go.mod"), "\ngo "+minimum["go"]+"\n")
	assert.Contains(t, read(t, "Pulumi.yaml"), `requiredPulumiVersion: ">=`+minimum["pulumi"]+`"`)
	// One minor version below the control plane's.
	assert.Equal(t, "1.34", minimum["kubectl"])
	assert.Contains(t, recorded(t), `minMasterVersion: "1.35"`)
}
