package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLevelsAreSortedAndEachIsMeasuredOnce(t *testing.T) {
	o, err := options([]string{"-concurrency", "8, 1,64,8", "-stack", "prod"})
	require.NoError(t, err)
	assert.Equal(t, []int{1, 8, 64}, o.Levels)
	assert.Equal(t, "bench/prod", o.Folder)
	assert.Positive(t, o.Load.Rounds*o.Load.InputTokens*o.Load.OutputTokens)
}

func TestPromptsDifferBetweenRuns(t *testing.T) {
	first, err := options(nil)
	require.NoError(t, err)
	second, err := options(nil)
	require.NoError(t, err)
	assert.NotEqual(t, first.Load.Seed, second.Load.Seed)
}

func TestInvalidOptionsAreNamed(t *testing.T) {
	for option, says := range map[string]string{
		"-concurrency=1,x": `"x" is not a valid number of requests; use numbers`,
		"-concurrency=0":   `"0" is not a valid number of requests`,
		"-rounds=0":        "-rounds 0: use at least 1",
		"-output=-1":       "-output -1: use at least 1",
		"dev":              `unknown argument "dev"`,
	} {
		_, err := options([]string{option})
		assert.ErrorContains(t, err, says)
	}
}
