package capacity

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// ClassLabel is on the nodes of a ComputeClass, which pods select by it. A taint of the same
// key and value keeps other pods away (documentation, About custom ComputeClasses).
const ClassLabel = "cloud.google.com/compute-class"

// Options are where the chips of a slice may come from, in the order in which they are
// tried. The first is always there.
type Options []Capacity

// Fallback reports whether there is more than one option: GKE's cluster autoscaler then takes
// the first that has chips.
func (o Options) Fallback() bool { return len(o) > 1 }

// Has reports whether an option has one of the modes.
func (o Options) Has(modes ...string) bool {
	return slices.ContainsFunc(o, func(c Capacity) bool { return slices.Contains(modes, c.Mode) })
}

// ZoneOf is the zone of a replica's slice, counted from 0: the zones take turns. Zones is not
// empty here.
func (c Capacity) ZoneOf(replica int) string { return c.Zones[replica%len(c.Zones)] }

// ID tells options apart, in 6 characters: those of the same mode, zones and reservation are
// one and the same. It is part of names, so that another order of the options renames nothing.
func (c Capacity) ID() string {
	hash := fnv.New32a()
	fmt.Fprintf(hash, "%s %s %s", c.Mode, c.Reservation, strings.Join(c.Zones, " "))
	return hex.EncodeToString(hash.Sum(nil))[:6]
}

// In says in words what a slice in a zone is made from, such as "on-demand in us-central1-c".
func (c Capacity) In(zone string) string {
	if c.Reservation != "" {
		return c.Mode + " " + c.Reservation + " in " + zone
	}
	return c.Mode + " in " + zone
}
