// Package sgljax emulates the external behavior of sgl_jax.launch_server: flags, devices,
// rendezvous, ports, HTTP API and exit codes. It runs no model.
package sgljax

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"sglang-tpu/emulator/internal/guests/guest"
)

// machine is the host of a rank.
type machine struct {
	guest.Container
	listen          string // loopback address of the pod
	chips           int
	slice, topology string
	patience        time.Duration // timeout of the rendezvous
}

func thisMachine() *machine {
	chips, _ := strconv.Atoi(os.Getenv("EMULATOR_TPU_CHIPS")) // 0 if it is not set
	return &machine{
		Container: guest.FromEnv(), listen: os.Getenv("EMULATOR_LISTEN"), chips: chips,
		slice: os.Getenv("EMULATOR_SLICE"), topology: os.Getenv("EMULATOR_TOPOLOGY"), patience: patience,
	}
}

// Getent implements `getent ahostsv4 NAME`.
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
