// Package topology computes the numbers of a tpu7x slice, such as hosts and devices, from
// its topology, such as 2x2x2.
//
// Names such as "v7x-16" are not used: Google counts TensorCores in them, and
// sglang-jax's documentation counts chips.
package topology

import (
	"fmt"
	"slices"

	"sglang-tpu/spec/problem"
)

// GKE's name of the accelerator, and the labels by which pods select nodes. Node pools and
// pods use the same constants.
const (
	Accelerator      = "tpu7x"
	AcceleratorLabel = "cloud.google.com/gke-tpu-accelerator"
	TopologyLabel    = "cloud.google.com/gke-tpu-topology"
	NodePoolLabel    = "cloud.google.com/gke-nodepool"
	ResourceName     = "google.com/tpu" // also the key of the taint on TPU nodes
)

const (
	// chipsPerHost of tpu7x-standard-4t, the only machine type for slices of more than one
	// chip.
	chipsPerHost = 4
	// devicesPerChip: tpu7x is the first generation whose two TensorCores a chip are
	// two JAX devices.
	devicesPerChip = 2
	// maxChips is 144 cubes of 4x4x4, the largest slice that GKE accepts.
	maxChips = 144 * 64

	// HBMPerDevice is the high-bandwidth memory of one JAX device in GiB, half a chip's.
	HBMPerDevice = 96
)

// Topology is the shape of one slice in chips. The zero value is not a valid topology.
type Topology struct{ x, y, z int }

// Common are the smallest topologies, from small to large: all that are not multiples of four
// in every dimension, and the first that is.
var Common = []Topology{{1, 1, 1}, {2, 2, 1}, {2, 2, 2}, {2, 2, 4}, {2, 4, 4}, {4, 4, 4}}

// Parse parses a topology such as "2x2x2". The error is a problem.Problem that lists the
// valid topologies.
func Parse(s string) (Topology, error) {
	var t Topology
	// Sscanf also reads numbers with a sign or with zeros before them, which String does not write.
	if _, err := fmt.Sscanf(s, "%dx%dx%d", &t.x, &t.y, &t.z); err != nil || t.String() != s {
		return Topology{}, unknown(s)
	}
	if slices.Contains(Common, t) {
		return t, nil
	}
	if least, most := min(t.x, t.y, t.z), max(t.x, t.y, t.z); least < 1 || most > maxChips || t.x%4 != 0 || t.y%4 != 0 || t.z%4 != 0 {
		return Topology{}, unknown(s)
	}
	if t.x > t.y || t.y > t.z {
		return Topology{}, problem.Problem{Value: s, Why: "is not a tpu7x topology: GKE writes dimensions in ascending order", Remedy: "sort them"}
	}
	if t.Chips() > maxChips {
		return Topology{}, problem.Problem{Value: s, Why: fmt.Sprintf("has %d chips", t.Chips()), Remedy: fmt.Sprintf("a tpu7x slice has at most %d", maxChips)}
	}
	return t, nil
}

func unknown(s string) error {
	return problem.Problem{Value: s, Why: "is not a tpu7x topology", Remedy: "use 2x2x1, 2x2x2, 2x2x4, 2x4x4 or multiples of 4 in every dimension"}
}

// UnmarshalText parses a topology like Parse.
func (t *Topology) UnmarshalText(text []byte) (err error) {
	*t, err = Parse(string(text))
	return err
}

// String returns the format that GKE accepts and sets as a node label.
func (t Topology) String() string { return fmt.Sprintf("%dx%dx%d", t.x, t.y, t.z) }

// Chips is the number of TPU chips of the slice.
func (t Topology) Chips() int { return t.x * t.y * t.z }

// ChipsPerHost is the number of chips that one pod requests: all chips of its host.
func (t Topology) ChipsPerHost() int { return min(t.Chips(), chipsPerHost) }

// Hosts is the number of machines: the node count of the pool and the size of the group.
func (t Topology) Hosts() int { return t.Chips() / t.ChipsPerHost() }

// Devices is the number of JAX devices over all hosts.
func (t Topology) Devices() int { return t.Chips() * devicesPerChip }

// MultiHost reports whether a slice needs a workload policy and a rendezvous.
func (t Topology) MultiHost() bool { return t.Hosts() > 1 }

// MachineType is the Compute Engine machine type of the hosts.
func (t Topology) MachineType() string {
	return fmt.Sprintf("tpu7x-standard-%dt", t.ChipsPerHost())
}
