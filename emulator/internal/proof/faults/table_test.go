package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheTableCountsEachCellOnceByItsRemedy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.jsonl")
	write := results{all: []result{
		{Resource: "a", Operation: "create", Effect: "lose", Met: true, Remedy: imported, Explained: true},
		{Resource: "b", Operation: "create", Effect: "lose", Met: true, Remedy: plain, Explained: true, Other: refresh},
		{Resource: "c", Operation: "create", Effect: "lose"},
		{Resource: "a", Operation: "delete", Effect: "hold-after", Met: true, Cancel: true, Remedy: plain, Explained: true},
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
		"| create | `lose` | 2 | 1 | 0 | 1 | 0 | 0 | 1 |", "| delete | `hold-after` | 2 | 0 | 1 | 0 | 0 | 1 | 0 |",
		"Of dev, no cell was tried of: `refuse` of create, `lose-once` of create, `hold-before` of create,", "What was: `lose` of create: pulumi up --refresh.",
	} {
		assert.Contains(t, text, part)
	}
	left, err := untried([]cell{
		{target: &target{urn: "urn:pulumi:dev::sglang-tpu::t::x"}, operation: "create", effect: "lose"},
		{target: &target{urn: "urn:pulumi:dev::sglang-tpu::t::x"}, operation: "create", effect: "hang"},
	}, o)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.EqualValues(t, "lose", left[0].effect, "the other was tried")
	_, err = read(file + ".none")
	require.ErrorIs(t, err, os.ErrNotExist)
}
