package main

import (
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/spec/settings"
)

var root = filepath.Join("..", "..")

// page is one document of the repository.
type page struct {
	name string // its path from the root
	text string
	// prose is the text without code blocks and code spans.
	prose string
	// code are the lines of code blocks, except quoted output (kind text), and all code spans.
	code []string
}

// fence is a fenced code block with its kind, indented a line of an indented code block, and
// span a code span.
var (
	fence    = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	indented = regexp.MustCompile(`(?m)^    .*$`)
	span     = regexp.MustCompile("`[^`\n]+`")
)

func pages(t *testing.T) []page {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"} {
		files = append(files, filepath.Join(root, name))
	}
	var all []page
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		name, err := filepath.Rel(root, file)
		require.NoError(t, err)
		p := page{name: filepath.ToSlash(name), text: string(text)}
		rest := p.text
		for _, block := range fence.FindAllStringSubmatch(rest, -1) {
			if block[1] != "text" && block[1] != "mermaid" {
				p.code = append(p.code, strings.Split(block[2], "\n")...)
			}
		}
		rest = fence.ReplaceAllString(rest, "")
		p.code = append(p.code, indented.FindAllString(rest, -1)...)
		rest = indented.ReplaceAllString(rest, "")
		for _, code := range span.FindAllString(rest, -1) {
			p.code = append(p.code, strings.Trim(code, "`"))
		}
		p.prose = span.ReplaceAllStringFunc(rest, func(s string) string { return strings.Repeat("x", len(s)) })
		all = append(all, p)
	}
	return all
}

// words returns the words after a command in all code.
func words(t *testing.T, command string) (found []string) {
	t.Helper()
	pattern := regexp.MustCompile(`(?:^|[\s;|&"(])` + command + `((?:\s+[^\s;|&#]+)*)`)
	for _, p := range pages(t) {
		for _, line := range p.code {
			for _, match := range pattern.FindAllStringSubmatch(line, -1) {
				found = append(found, strings.TrimSpace(match[1]))
			}
		}
	}
	return found
}

func TestTheReadmeIsReadInTwoMinutes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	assert.LessOrEqual(t, strings.Count(string(text), "\n"), 200)
}

// pathInDocs matches a path in backquotes that starts with a folder of this repository.
var pathInDocs = regexp.MustCompile("`((?:stacks|infra|spec|internal|cmd|emulator|hack|docs)/[A-Za-z0-9_./*-]*)`")

func TestPathsInTheDocumentationExist(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, match := range pathInDocs.FindAllStringSubmatch(p.text, -1) {
			found++
			files, err := filepath.Glob(filepath.Join(root, strings.TrimSuffix(match[1], "/")))
			require.NoError(t, err)
			assert.NotEmpty(t, files, "%s names %s", p.name, match[1])
		}
	}
	assert.Greater(t, found, 30)
}

var (
	link    = regexp.MustCompile(`\[[^\]\n]*(?:\n[^\]\n]*)?\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// anchors returns the anchors of a page's headings on GitHub.
func anchors(p page) (names []string) {
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(p.text, ""), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

func TestLinksHaveTargets(t *testing.T) {
	all := pages(t)
	inside, outside := 0, 0
	for _, p := range all {
		for _, match := range link.FindAllStringSubmatch(p.prose, -1) {
			to, err := url.Parse(match[1])
			if !assert.NoError(t, err, p.name) {
				continue
			}
			if to.Host != "" {
				outside++
				assert.Equal(t, "https", to.Scheme, "%s: %s", p.name, match[1])
				assert.Contains(t, to.Host, ".", "%s: %s", p.name, match[1])
				continue
			}
			inside++
			name := p.name
			if to.Path != "" {
				name = filepath.ToSlash(filepath.Join(filepath.Dir(p.name), filepath.FromSlash(to.Path)))
				assert.FileExists(t, orFolder(filepath.Join(root, name)), "%s: %s", p.name, match[1])
			}
			if to.Fragment != "" {
				i := slices.IndexFunc(all, func(other page) bool { return other.name == name })
				if assert.GreaterOrEqual(t, i, 0, "%s: %s", p.name, match[1]) {
					assert.Contains(t, anchors(all[i]), to.Fragment, "%s: %s", p.name, match[1])
				}
			}
		}
	}
	assert.Greater(t, inside, 20)
	assert.Greater(t, outside, 10)
}

// orFolder returns the path of a file, or of some file in a folder.
func orFolder(path string) string {
	if files, err := filepath.Glob(filepath.Join(path, "*")); err == nil && len(files) > 0 {
		return files[0]
	}
	return path
}

func TestEveryPageIsLinkedFromTheReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	for _, p := range pages(t) {
		if p.name != "README.md" {
			assert.True(t, strings.Contains(string(text), "]("+p.name+")"), p.name)
		}
	}
}

func TestTargetsOfMakeExist(t *testing.T) {
	found := map[string]bool{}
	for _, rest := range words(t, "make") {
		for _, word := range strings.Fields(rest) {
			if strings.Contains(word, "=") {
				continue
			}
			found[word] = true
			break
		}
	}
	require.Greater(t, len(found), 8)
	for target := range found {
		out, err := exec.Command("make", "-C", root, "--dry-run", target).CombinedOutput()
		assert.NoError(t, err, "make %s: %s", target, out)
	}
}

func TestSettingsInCommandsExist(t *testing.T) {
	var known []string
	for _, key := range settings.Keys() {
		known = append(known, key)
		if name, ours := strings.CutPrefix(key, "sglang-tpu:"); ours {
			known = append(known, name)
		}
	}
	found := 0
	for _, rest := range append(words(t, `pulumi config set`), words(t, `pulumi config rm`)...) {
		for _, word := range strings.Fields(rest) {
			if strings.HasPrefix(word, "--") {
				continue
			}
			key, _, _ := strings.Cut(strings.Trim(word, `'"`), ".")
			key, _, _ = strings.Cut(key, "[")
			if key != "KEY" {
				found++
				assert.Contains(t, known, key, "pulumi config set %s", rest)
			}
			break
		}
	}
	assert.Greater(t, found, 15)
}

func TestPackagesInCommandsExist(t *testing.T) {
	found := 0
	for _, rest := range append(words(t, "go test"), words(t, "go run")...) {
		for _, word := range strings.Fields(rest) {
			if !strings.HasPrefix(word, "./") {
				continue
			}
			found++
			folder := strings.TrimSuffix(word, "/...")
			_, here := os.Stat(filepath.Join(root, folder))
			_, emulator := os.Stat(filepath.Join(root, "emulator", folder))
			assert.True(t, here == nil || emulator == nil, "go ... %s", rest)
		}
	}
	assert.Greater(t, found, 8)
}

// The unit tests of the emulator read files of the program, which is another module. Go's
// cache of test results does not look at those, and would say "ok" after a change.
func TestCommandsForTheEmulatorsTestsDoNotUseTheTestCache(t *testing.T) {
	inEmulator := regexp.MustCompile("in `emulator[a-z/-]*`: `(go test [^`]*)`|`(go test [^`]*)` in `emulator[a-z/-]*`|cd emulator && (go test [^`\\n]*)")
	found := 0
	for _, p := range pages(t) {
		for _, match := range inEmulator.FindAllStringSubmatch(p.text, -1) {
			found++
			assert.Contains(t, match[0], "-count=1", p.name)
		}
	}
	assert.Greater(t, found, 8)
}

func TestNoTableIsCutByAnEmptyLine(t *testing.T) {
	for _, p := range pages(t) {
		assert.NotRegexp(t, `(?m)^\|.*\|\n\n\|.*\|\n\|[^-]`, p.text, p.name)
	}
}

func TestNamedTestsExist(t *testing.T) {
	defined := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				defined[match[1]] = true
			}
		}
		return nil
	}))
	found := 0
	for _, p := range pages(t) {
		for _, line := range p.code {
			for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(line, -1) {
				found++
				begins := func(test string) bool { return strings.HasPrefix(test, name) }
				assert.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(defined)), begins), "%s names %s", p.name, name)
			}
		}
	}
	assert.Greater(t, found, 2)
}
