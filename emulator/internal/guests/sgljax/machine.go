// Package sgljax emulates sgl_jax.launch_server as seen from outside: flags, devices,
// rendezvous, ports, HTTP, exit codes. It runs no model.
package sgljax

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"sglang-tpu/emulator/internal/guests/guest"
)

// machine is the host as the program sees it: its pod, its chips, its slice.
type machine struct {
	guest.Container
	listen          string // address of the pod on this machine
	chips           int
	slice, topology string
	patience        time.Duration // with ranks that do not come
}

func thisMachine() *machine {
	chips, _ := strconv.Atoi(os.Getenv("EMULATOR_TPU_CHIPS")) // not set: no chips
	return &machine{
		Container: guest.FromEnv(), listen: os.Getenv("EMULATOR_LISTEN"), chips: chips,
		slice: os.Getenv("EMULATOR_SLICE"), topology: os.Getenv("EMULATOR_TOPOLOGY"), patience: patience,
	}
}

// Getent is `getent ahostsv4 NAME`.
func Getent(args []string) int {
	if len(args) != 2 || args[0] != "ahostsv4" {
		fmt.Fprintln(os.Stderr, "getent: only ahostsv4 NAME is emulated")
		return 1
	}
	address, err := guest.FromEnv().Resolve(args[1])
	if err != nil {
		return 2
	}
	for _, typ := range []string{"STREAM " + args[1], "DGRAM", "RAW"} {
		fmt.Printf("%-15s %s\n", address, typ)
	}
	return 0
}
