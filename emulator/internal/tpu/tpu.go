// Package tpu has what the emulated cloud and the server in pods both know about slices. It
// is independent of the program's topology package, which the emulator checks.
package tpu

import (
	"strconv"
	"strings"
)

// Chips returns the number of chips of a topology such as 2x2x2; 0 if it is invalid.
func Chips(topology string) int {
	n := 1
	for side := range strings.SplitSeq(topology, "x") {
		d, err := strconv.Atoi(side)
		if err != nil {
			return 0
		}
		n *= d
	}
	return n
}
