package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestASampleOfTheFaultMatrix lets a few operations fail, others each time: make faults tries them all. The seed in the
// output repeats it: bin/emulator faults -cells 1 -draw 5 -seed SEED.
func TestASampleOfTheFaultMatrix(t *testing.T) {
	parallel(t, 120)
	w := newWorld(t)
	out := w.emulator(t, "faults", "-cells", "1", "-draw", "5")
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "faults:") {
			fmt.Print("    " + line)
		}
	}
	assert.Regexp(t, `seed \d+`, out)
	assert.Contains(t, out, ", 0 unexplained")
}
