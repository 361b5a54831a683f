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
	// messageIn is what a script says in one string.
	messageIn = regexp.MustCompile(`(?:fail|end "\$1"|say|echo) "((?:[^"\\]|\\.)+)"`)
	// variable is what a script fills in, from which a page makes an example.
	variable = regexp.MustCompile(`\\?\$(\(\(.*?\)\)|\{.*?\}|\w+)`)
	// quoted is a message that a page quotes, by the name of its script.
	quoted = regexp.MustCompile("`(launch|download): ([^`]+)`")
)

// fewest is how many words of a message identify it.
const fewest = 4

// messages are patterns of what a script says, of which a page may quote the beginning.
func messages(t *testing.T, script string) (all []*regexp.Regexp) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "infra", "serving", script+".sh"))
	require.NoError(t, err)
	for _, m := range messageIn.FindAllStringSubmatch(string(text), -1) {
		words := strings.Fields(variable.ReplaceAllString(m[1], "\x00"))
		first := strings.Join(words[:min(fewest, len(words))], " ")
		if len(strings.Fields(first))-strings.Count(first, "\x00") < 2 {
			continue // a variable or two, which could be anything
		}
		pattern := ""
		for i := len(words) - 1; i >= 0; i-- {
			filled := `\S+`
			if i == len(words)-1 {
				filled = ".+" // such as a list of pods
			}
			// A quotation ends before a comma.
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

func TestWhatThePagesQuoteIsWhatTheScriptsSay(t *testing.T) {
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
