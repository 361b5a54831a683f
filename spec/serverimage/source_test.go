package serverimage

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTagsAreEqualOnlyForEqualInputs(t *testing.T) {
	base := Default()
	assert.Equal(t, base.Tag(), Default().Tag())
	assert.True(t, strings.HasPrefix(base.Tag(), base.Commit[:12]+"-"))
	seen := map[string]string{base.Tag(): "nothing"}
	for what, change := range map[string]func(*Inputs){
		"repository": func(s *Inputs) { s.Repository = "https://example.com/fork.git" },
		"commit":     func(s *Inputs) { s.Commit = strings.Repeat("a", 40) },
		"dockerfile": func(s *Inputs) { s.Dockerfile = "docker/Dockerfile" },
		"arguments":  func(s *Inputs) { s.BuildArgs = map[string]string{"A": "b"} },
	} {
		s := Default()
		change(&s)
		assert.Empty(t, seen[s.Tag()], "%s and %s", what, seen[s.Tag()])
		seen[s.Tag()] = what
	}
}

func TestTheDefaultTagMatchesDeployedStacks(t *testing.T) {
	assert.Equal(t, "cddbf6f1cc33-d14be7e1", Default().Tag(), "another hash builds every image again")
}

func TestTheDefaultCommitIsNotOneOfAnotherRepository(t *testing.T) {
	assert.Equal(t, Default(), Inputs{}.WithDefaults())
	assert.Empty(t, Inputs{Repository: "https://example.com/fork.git"}.WithDefaults().Commit)
	assert.Equal(t, "c", Inputs{Commit: "c"}.WithDefaults().Commit)
}
