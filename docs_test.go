package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pathInDocs is a path in backquotes that begins with a folder of this repository.
var pathInDocs = regexp.MustCompile("`((?:stacks|infra|spec|internal|emulator|hack|docs)/[A-Za-z0-9_./*-]*)`")

func TestPathsInTheDocumentationExist(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	documents = append(documents, "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
	found := 0
	for _, document := range documents {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, match := range pathInDocs.FindAllStringSubmatch(string(text), -1) {
			found++
			files, err := filepath.Glob(strings.TrimSuffix(match[1], "/"))
			require.NoError(t, err)
			assert.NotEmpty(t, files, "%s names %s", document, match[1])
		}
	}
	assert.Greater(t, found, 30)
}
