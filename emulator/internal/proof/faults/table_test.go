package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sglang-tpu/emulator/internal/core/injection"
)

func TestTheTableCountsEachCellOnceByItsRemedy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.jsonl")
	write := results{all: []result{
		{Resource: "a", Operation: "create", Effect: "lose", Met: true, Remedy: imported, Explained: true},
		{Resource: "b", Operation: "create", Effect: "lose", Met: true, Remedy: plain, Explained: true, Other: imported},
		{Resource: "c", Operation: "create", Effect: "lose"},
		{Resource: "a", Operation: "delete", Effect: "hold-after", Met: true, Cancel: true, Remedy: plain, Explained: true, Other: refresh},
		{Resource: "x t", Operation: "create", Effect: "hang", Met: true, Remedy: plain, Explained: true},
		{Resource: "b", Operation: "delete", Effect: "hold-after", Met: true},
	}}
	o := options{stack: "dev", seed: 7, record: file, of: 12}
	require.NoError(t, write.record(o))
	require.NoError(t, write.record(o), "nothing is recorded twice")
	all, err := read(file)
	require.NoError(t, err)
	require.Len(t, all, 6)
	text := strings.Join(table(append(all, all[0])), "\n")
	for _, part := range []string{
		"dev has 12 cells: 5 were tried, 1 not met, 6 not tried. Seeds: 7. Of 5 cells, 2 converged by the next command alone, 1 after `pulumi cancel`, 1 after `pulumi import`, 0 after a deletion by hand; 1 are unexplained.",
		"| dev | create | `lose` | 2 | 1 | 0 | 1 | 0 | 0 | 1 |", "| dev | delete | `hold-after` | 2 | 0 | 1 | 0 | 0 | 1 | 0 |",
		"Not tried on dev: `refuse` of create, `lose-once` of create, `hold-before` of create,", "These commands were enough: `hold-after` of delete: pulumi up --refresh; `lose` of create: pulumi import, pulumi destroy.",
	} {
		assert.Contains(t, text, part)
	}
	_, err = read(file + ".none")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestACellThatWasNotMetOrIsUnexplainedIsTriedAgain(t *testing.T) {
	o := options{stack: "dev", record: filepath.Join(t.TempDir(), "results.jsonl")}
	one := func(effect injection.Effect) cell {
		return cell{target: &target{urn: prefix + "t::x"}, operation: injection.Create, effect: effect}
	}
	all := []cell{one(injection.Refuse), one(injection.Lose), one(injection.Hang), one(injection.HoldBefore)}
	left, err := untried(all, o)
	require.NoError(t, err)
	assert.Equal(t, all, left, "nothing has been recorded")
	recorded := results{all: []result{
		{Resource: "x t", Operation: "create", Effect: "refuse", Met: true, Explained: true},
		{Resource: "x t", Operation: "create", Effect: "lose"},
		{Resource: "x t", Operation: "create", Effect: "hang", Met: true},
		{Resource: "y t", Operation: "create", Effect: "hold-before", Met: true, Explained: true},
	}}
	require.NoError(t, recorded.record(o))
	left, err = untried(all, o)
	require.NoError(t, err)
	assert.Equal(t, all[1:], left)
}
