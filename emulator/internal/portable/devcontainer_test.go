package portable

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/tools"
)

// devContainer has the fields of the dev container reference that are used here
// (containers.dev, devcontainer.json reference).
type devContainer struct {
	Name  string `json:"name"`
	Build struct {
		Dockerfile string `json:"dockerfile"`
	} `json:"build"`
	RemoteUser       string `json:"remoteUser"`
	HostRequirements struct {
		CPUs    int    `json:"cpus"`
		Memory  string `json:"memory"`
		Storage string `json:"storage"`
	} `json:"hostRequirements"`
	Mounts         []string `json:"mounts"`
	Customizations struct {
		VSCode struct {
			Extensions []string `json:"extensions"`
		} `json:"vscode"`
	} `json:"customizations"`
}

func TestTheDevContainerIsWhatTheReferenceKnows(t *testing.T) {
	c, dockerfile := devContainerOf(t)
	assert.NotEmpty(t, c.Name)
	assert.NotEmpty(t, dockerfile)
	assert.GreaterOrEqual(t, c.HostRequirements.CPUs, 2)
	for _, amount := range []string{c.HostRequirements.Memory, c.HostRequirements.Storage} {
		assert.Regexp(t, `^[1-9][0-9]*(tb|gb|mb|kb)$`, amount)
	}
	// The keys of docker run --mount, and the reference's variables. Sockets need a file
	// system of Linux, which a checkout shared by macOS or Windows is not.
	require.Len(t, c.Mounts, 1)
	assert.Regexp(t, `^source=[a-z-]+-\$\{devcontainerId\},target=\$\{containerWorkspaceFolder\}/\.emulator,type=volume$`, c.Mounts[0])
	for _, extension := range c.Customizations.VSCode.Extensions {
		assert.Regexp(t, `^[a-z0-9-]+\.[a-z0-9-]+$`, extension)
	}
}

func TestTheDevContainerHasTheVersionsOfThisRepository(t *testing.T) {
	_, dockerfile := devContainerOf(t)
	for module, file := range map[string]string{"the program": "go.mod", "the emulator": "emulator/go.mod"} {
		text, err := os.ReadFile(filepath.Join(program, file))
		require.NoError(t, err)
		version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(text))
		require.NotNil(t, version, file)
		assert.Contains(t, dockerfile, "FROM golang:"+version[1]+"-", "the Go of %s", module)
	}
	for _, tool := range tools.Runtime {
		if tool.Name == "kube-apiserver" {
			assert.Contains(t, dockerfile, "ARG KUBECTL_VERSION="+tool.Version+"\n")
		}
	}
	assert.Contains(t, dockerfile, "sha256sum --check", "what is downloaded is checked")
}

func devContainerOf(t *testing.T) (c devContainer, dockerfile string) {
	t.Helper()
	folder := filepath.Join(program, ".devcontainer")
	text, err := os.ReadFile(filepath.Join(folder, "devcontainer.json"))
	require.NoError(t, err)
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&c), "a field that the reference does not have, or that this test should know")
	built, err := os.ReadFile(filepath.Join(folder, c.Build.Dockerfile))
	require.NoError(t, err)
	return c, string(built)
}
