package capacity

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// ClassLabel is the label of the nodes of a ComputeClass, by which pods select them. A taint
// of the same key and value keeps other pods away (documentation, About custom
// ComputeClasses).
const ClassLabel = "cloud.google.com/compute-class"

// Options are where the chips of a slice may come from, in the order in which they are
// tried. There is always a first one.
type Options []Capacity

// Fallback reports whether there is more than one option: GKE's cluster autoscaler then takes
// the first that has chips.
func (o Options) Fallback() bool { return len(o) > 1 }

// Has reports whether an option has one of the modes.
func (o Options) Has(modes ...string) bool {
	return slices.ContainsFunc(o, func(c Capacity) bool { return slices.Contains(modes, c.Mode) })
}

// ZoneOf returns the zone of a replica's slice: the replicas, counted from 0, use the zones
// in turn. Zones must not be empty.
func (c Capacity) ZoneOf(replica int) string { return c.Zones[replica%len(c.Zones)] }

// ID returns 6 characters that identify an option by its mode, zones and reservation. Names
// contain it, so that reordering the options renames nothing.
func (c Capacity) ID() string {
	hash := fnv.New32a()
	fmt.Fprintf(hash, "%s %s %s", c.Mode, c.Reservation, strings.Join(c.Zones, " "))
	return hex.EncodeToString(hash.Sum(nil))[:6]
}

// In describes the capacity of a slice in a zone, such as "on-demand in us-central1-c".
func (c Capacity) In(zone string) string {
	if c.Reservation != "" {
		return c.Mode + " " + c.Reservation + " in " + zone
	}
	return c.Mode + " in " + zone
}
