// Package capacity says where the chips of a slice come from.
package capacity

import (
	"strconv"
	"time"
)

// The capacity modes, of which a slice has exactly one at a time.
const (
	Spot        = "spot"        // cheap, and the whole slice may be reclaimed at once
	OnDemand    = "on-demand"   // needs quota, and free chips
	Reservation = "reservation" // in one zone; must be specifically targeted
	FlexStart   = "flex-start"  // queued until the chips are there, for at most seven days
)

// Capacity is where the chips of a slice come from.
type Capacity struct {
	// Where the chips come from: spot (may be reclaimed at any time), on-demand, reservation, or flex-start (queued).
	Mode string `json:"mode" noun:"a capacity mode" jsonschema:"default=spot,enum=spot,enum=on-demand,enum=reservation,enum=flex-start"`
	// Name of the reservation, or projects/P/reservations/NAME for a shared one; /reservationBlocks/BLOCK may follow.
	// Only with mode reservation.
	Reservation string `json:"reservation"`
	// How long a node may run, such as 72h: 10m to 168h. Empty means GKE's limit. Only with mode flex-start.
	MaxRunDuration string `json:"maxRunDuration"`
	// Zones of the region that the slices are spread over: the first replica is in the first zone, the second in the
	// second, and so on in turn. Empty means gcp:zone. A reservation is in one zone.
	Zones []string `json:"zones"`
}

// MaxRunSeconds returns MaxRunDuration in the API's format, such as "259200s"; empty if
// there is none.
func (c Capacity) MaxRunSeconds() string {
	d, err := time.ParseDuration(c.MaxRunDuration)
	if err != nil {
		return ""
	}
	return strconv.Itoa(int(d.Seconds())) + "s"
}

// EndedByUpgrades reports whether one of the options has slices that only GKE's upgrades end.
// Spot slices end at any time anyway, and GKE does not upgrade flex-start nodes that exist
// (documentation, Node pool upgrade strategies: short-lived upgrades).
func (o Options) EndedByUpgrades() bool { return o.Has(Reservation, OnDemand) }

// spotNotice is how long pods have to end when a spot host is reclaimed: GKE gives the
// first 15 of the 30 s of notice to pods that are not the system's (documentation, Spot
// VMs: graceful termination; a node pool can ask for more from 1.35.0-gke.1171000 on, by a
// field that this provider lacks).
const spotNotice = 15 * time.Second

// Notice returns how long pods have to end when Google reclaims a host of any of the
// options; 0 means their own grace period.
func (o Options) Notice() time.Duration {
	if o.Has(Spot) {
		return spotNotice
	}
	return 0
}
