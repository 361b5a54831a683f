package sandbox

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUsageFitsATerminal(t *testing.T) {
	for line := range strings.Lines(usage) {
		assert.LessOrEqual(t, len(strings.TrimSuffix(line, "\n")), 80, line)
	}
}

func TestDocumentedCommandsExist(t *testing.T) {
	known := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^  emulator (.+)$`).FindAllStringSubmatch(usage, -1) {
		name, _, _ := strings.Cut(match[1], "  ")
		for _, command := range strings.Split(name, " | ") { // start | stop
			known[strings.Fields(command)[0]] = true
		}
	}
	root := filepath.Join("..", "..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	found := 0
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`bin/emulator ([a-z]+)`).FindAllStringSubmatch(string(text), -1) {
			found++
			assert.True(t, known[match[1]], "%s: bin/emulator %s", page, match[1])
		}
	}
	assert.Greater(t, found, 5)
}
