package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheEmulatorHasTheAnswersOfTheSDK(t *testing.T) {
	all := files()
	for name, text := range all {
		written, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		require.NoError(t, err, "go run ./internal/functions writes it")
		assert.Equal(t, text, string(written), "%s: go run ./internal/functions brings it up to date", name)
	}
	present, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*.txt"))
	require.NoError(t, err)
	assert.Len(t, present, len(all), "functions that the program does not call")
	cluster := all[folder+"/container.getCluster.txt"]
	for _, line := range []string{
		"gcp:container/getCluster:getCluster\n", "\nmasterVersion string\n", "\nworkloadIdentityConfigs list\n\tworkloadPool string\n",
		"\ncontrolPlaneEndpointsConfigs list\n\tdnsEndpointConfigs list\n\t\tallowExternalTraffic bool\n",
	} {
		assert.True(t, strings.Contains(cluster, line), line)
	}
}

// The emulator does not know lookups that are missing here.
func TestEveryLookupOfTheProgramIsHere(t *testing.T) {
	source, err := filepath.Glob(filepath.Join("..", "..", "stacks", "*.go"))
	require.NoError(t, err)
	called := 0
	for _, file := range source {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, word := range strings.Fields(string(text)) {
			pkg, call, ok := strings.Cut(word, ".Lookup")
			if name, _, isCall := strings.Cut(call, "("); ok && isCall {
				called++
				assert.Contains(t, results, "gcp:"+pkg+"/get"+name+":get"+name, file)
			}
		}
	}
	assert.Len(t, results, called)
}
