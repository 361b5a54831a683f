package sgljax

import (
	"fmt"
	"strings"

	"sglang-tpu/emulator/internal/hub"
)

// devicesPerChip is how many JAX devices a tpu7x chip is.
const devicesPerChip = 2

// checkShape compares flags with the devices that JAX sees over all hosts.
func checkShape(a arguments, devices int) error {
	world, dp := a.number("--tp-size", 1), a.number("--dp-size", 1)
	if dp < 1 || world%dp != 0 {
		return fmt.Errorf("AssertionError: tp_size %d must be divisible by dp_size %d", world, dp)
	}
	tp := world / dp
	if world != devices {
		return fmt.Errorf("ValueError: Number of devices %d must equal the product of mesh_shape (%d, %d)", devices, dp, tp)
	}
	if r, ok := hub.Lookup(a["--model-path"]); ok && r.Heads%tp != 0 {
		return fmt.Errorf("AssertionError: Number of attention heads %d must be divisible by tensor parallel size %d", r.Heads, tp)
	}
	page, chunk := a.number("--page-size", 1), a.number("--chunked-prefill-size", 0)
	if page < 1 {
		return fmt.Errorf("AssertionError: page_size %d must be positive", page)
	}
	if chunk > 0 && chunk%page != 0 {
		return fmt.Errorf("AssertionError: chunked_prefill_size %d must be a multiple of page_size %d", chunk, page)
	}
	return nil
}

// chipsOf multiplies a topology such as 2x2x2.
func chipsOf(topology string) int {
	chips := 1
	for _, side := range strings.Split(topology, "x") {
		var n int
		if _, err := fmt.Sscanf(side, "%d", &n); err != nil {
			return 0
		}
		chips *= n
	}
	return chips
}
