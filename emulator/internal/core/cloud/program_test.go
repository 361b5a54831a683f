package cloud

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/core/cloud/schema"
)

// setByProgram returns the properties that the program sets in any of its recorded graphs.
func setByProgram(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "stacks", "testdata", "properties.txt"))
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func TestEveryPropertyThatTheProgramSetsIsInTheTable(t *testing.T) {
	lines := setByProgram(t)
	require.Contains(t, lines, nodePoolKind+" nodeConfig.machineType")
	require.Contains(t, lines, nodePoolKind+" nodeConfig.reservationAffinity.values[*]")
	unknown := map[string]bool{}
	for _, line := range lines {
		typ, path, _ := strings.Cut(line, " ")
		if !slices.Contains(schema.Types(), typ) {
			unknown[typ] = true
			continue
		}
		p := schema.At(schema.Of(typ), path)
		if assert.NotNil(t, p, "%s: schema/types.tsv has no %s", typ, path) {
			assert.False(t, p.Output, "%s is not for a program to set", line)
		}
	}
	for typ := range unknown {
		assert.Fail(t, typ+" is not emulated: it needs its properties in schema/types.tsv (the comment of schema/schema.go says how they are made) and an entry in kinds.go")
	}
}

func TestEveryTypeOfTheTableIsKnownAndUsed(t *testing.T) {
	used := map[string]bool{}
	for _, line := range setByProgram(t) {
		typ, _, _ := strings.Cut(line, " ")
		used[typ] = true
	}
	for _, typ := range schema.Types() {
		_, known := kinds[typ]
		assert.True(t, known, "%s has its properties in schema/types.tsv and no entry in kinds.go", typ)
		assert.True(t, used[typ], "the program registers no %s, so the emulator need not know it", typ)
	}
	for typ := range kinds {
		assert.True(t, slices.Contains(schema.Types(), typ), "%s has an entry in kinds.go and no properties in schema/types.tsv", typ)
	}
}

// The paths in rules of code exist in the schema.
func TestPropertiesWithCodedRulesExist(t *testing.T) {
	for typ, paths := range notUpdated {
		for _, path := range paths {
			p := schema.At(schema.Of(typ), path)
			if assert.NotNil(t, p, "%s %s", typ, path) {
				assert.False(t, p.ForceNew || p.Output, "%s %s is replaced", typ, path)
			}
		}
	}
	for _, path := range recreating {
		p := schema.At(schema.Of(nodePoolKind), path)
		if assert.NotNil(t, p, path) {
			assert.False(t, p.ForceNew, "%s replaces the pool", path)
		}
	}
}
