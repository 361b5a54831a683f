// Package capacity says where the chips of a slice come from.
package capacity

import "time"

// The capacity modes, of which a slice has exactly one.
const (
	Spot        = "spot"        // cheap, and the whole slice may be reclaimed at once
	OnDemand    = "on-demand"   // needs quota, and luck
	Reservation = "reservation" // zone-bound; must be a specifically targeted one
	FlexStart   = "flex-start"  // queued until the chips are there, for at most seven days
)

// Capacity says where the chips of a slice come from.
type Capacity struct {
	Mode           string
	Reservation    string // with Reservation: NAME, or projects/P/reservations/NAME[/reservationBlocks/B]
	MaxRunDuration string // with FlexStart: seconds such as "604800s"; empty: as long as GKE gives
}

// spotNotice is what pods have when a spot host is taken back: of the 30 s of notice, GKE
// gives the first 15 to pods that are not the system's (documentation, Spot VMs: graceful
// termination; a node pool can ask for more from 1.35.0-gke.1171000 on, by a field that
// this provider lacks).
const spotNotice = 15 * time.Second

// Notice is how long pods have to end when Google takes a host back; 0: as long as they
// ask for.
func (c Capacity) Notice() time.Duration {
	if c.Mode == Spot {
		return spotNotice
	}
	return 0
}
