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

var (
	// messageIn matches a message in a script.
	messageIn = regexp.MustCompile(`(?:fail|end "\$1"|say|echo) "((?:[^"\\]|\\.)+)"`)
	// variable matches a variable in a message, for which pages have an example.
	variable = regexp.MustCompile(`\\?\$(\(\(.*?\)\)|\{.*?\}|\w+)`)
	// quoted matches a message that a page quotes, with the name of its script.
	quoted = regexp.MustCompile("`(launch|download): ([^`]+)`")
)

// fewest is the number of words that identify a message.
const fewest = 4

// messages returns patterns of a script's messages. A page may quote the beginning of one.
func messages(t *testing.T, script string) (all []*regexp.Regexp) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "infra", "serving", script+".sh"))
	require.NoError(t, err)
	for _, m := range messageIn.FindAllStringSubmatch(string(text), -1) {
		words := strings.Fields(variable.ReplaceAllString(m[1], "\x00"))
		first := strings.Join(words[:min(fewest, len(words))], " ")
		if len(strings.Fields(first))-strings.Count(first, "\x00") < 2 {
			continue // only variables, which match anything
		}
		pattern := ""
		for i := len(words) - 1; i >= 0; i-- {
			filled := `\S+`
			if i == len(words)-1 {
				filled = ".+" // such as a list of pods
			}
			// A quotation may end before punctuation.
			core := strings.TrimRight(words[i], ",;:\x00")
			if core == "" {
				core = words[i]
			}
			word := regexp.QuoteMeta(core) + "(?:" + regexp.QuoteMeta(words[i][len(core):]) + ")?"
			pattern = strings.ReplaceAll(word, "\x00", filled) + pattern
			switch {
			case i >= fewest:
				pattern = "(?: " + pattern + ")?"
			case i > 0:
				pattern = " " + pattern
			}
		}
		all = append(all, regexp.MustCompile("^"+pattern+"$"))
	}
	require.NotEmpty(t, all, script)
	return all
}

func TestQuotedMessagesMatchTheScripts(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, q := range quoted.FindAllStringSubmatch(p.text, -1) {
			found++
			says := false
			for _, message := range messages(t, q[1]) {
				says = says || message.MatchString(q[2])
			}
			assert.True(t, says, "%s quotes %q, which infra/serving/%s.sh does not say", p.name, q[2], q[1])
		}
	}
	assert.Greater(t, found, 3)
}
