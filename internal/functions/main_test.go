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
	all := rows()
	written, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
	require.NoError(t, err)
	assert.Equal(t, all, string(written), "go run ./internal/functions brings it up to date")
	for _, line := range []string{
		"masterVersion\tString", "workloadIdentityConfigs\tList", "workloadIdentityConfigs[*].workloadPool\tString",
		"controlPlaneEndpointsConfigs[*].dnsEndpointConfigs[*].allowExternalTraffic\tBool",
	} {
		assert.Contains(t, all, "gcp:container/getCluster:getCluster\t"+line+"\t\t\n")
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
