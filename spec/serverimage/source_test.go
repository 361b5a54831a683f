package serverimage

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEqualInputsHaveEqualTagsAndOthersNeverShareOne(t *testing.T) {
	base := Default()
	assert.Equal(t, base.Tag(), Default().Tag())
	assert.True(t, strings.HasPrefix(base.Tag(), base.Commit[:12]+"-"))
	seen := map[string]string{base.Tag(): "nothing"}
	for what, change := range map[string]func(*Source){
		"repository": func(s *Source) { s.Repository = "https://example.com/fork.git" },
		"commit":     func(s *Source) { s.Commit = strings.Repeat("a", 40) },
		"dockerfile": func(s *Source) { s.Dockerfile = "docker/Dockerfile" },
		"arguments":  func(s *Source) { s.BuildArgs = map[string]string{"A": "b"} },
		"platform":   func(s *Source) { s.Platform = "linux/arm64" },
	} {
		s := Default()
		change(&s)
		assert.Empty(t, seen[s.Tag()], "%s and %s", what, seen[s.Tag()])
		seen[s.Tag()] = what
	}
}
