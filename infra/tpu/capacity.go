package tpu

import (
	"time"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/container"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The capacity modes, of which a slice has exactly one.
const (
	Spot        = "spot"        // cheap, and the whole slice may be reclaimed at once
	OnDemand    = "on-demand"   // needs quota, and luck
	Reservation = "reservation" // zone-bound; must be a specifically targeted one
	FlexStart   = "flex-start"  // queued until the chips are there, for at most seven days
)

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

// reservationKey is the label by which Compute Engine knows a reservation.
const reservationKey = "compute.googleapis.com/reservation-name"

// Capacity says where the chips of a slice come from.
type Capacity struct {
	Mode           string
	Reservation    string // with Reservation: NAME, or projects/P/reservations/NAME[/reservationBlocks/B]
	MaxRunDuration string // with FlexStart: seconds such as "604800s"; empty: as long as GKE gives
}

// apply sets the fields that the mode asks for and leaves the others out, because GKE
// refuses most combinations.
func (c Capacity) apply(pool *container.NodePoolArgs, node *container.NodePoolNodeConfigArgs, hosts int) {
	switch c.Mode {
	case Spot:
		node.Spot = pulumi.Bool(true)
	case Reservation:
		node.ReservationAffinity = container.NodePoolNodeConfigReservationAffinityArgs{
			ConsumeReservationType: pulumi.String("SPECIFIC_RESERVATION"),
			Key:                    pulumi.String(reservationKey),
			Values:                 pulumi.StringArray{pulumi.String(c.Reservation)},
		}
	case FlexStart:
		node.FlexStart = pulumi.Bool(true)
		// Said, not left out: the provider's own test, xpk and cluster-toolkit (as a
		// precondition) all say it, and for queued provisioning GKE answers
		// "Queued_provisioning requires reservation affinity to be set to none"
		// (terraform-provider-google issue 18341).
		node.ReservationAffinity = container.NodePoolNodeConfigReservationAffinityArgs{
			ConsumeReservationType: pulumi.String("NO_RESERVATION"),
		}
		if c.MaxRunDuration != "" {
			node.MaxRunDuration = pulumi.String(c.MaxRunDuration)
		}
		// "Flex start node pools require autoscaling enabled." and "... require initial
		// node count to be set to 0." The limits are per zone: with the Total* ones GKE
		// says "Maximum node count 0 is not a valid size of TPU pod slice".
		pool.InitialNodeCount = pulumi.Int(0)
		pool.Autoscaling = container.NodePoolAutoscalingArgs{
			MinNodeCount:   pulumi.Int(0),
			MaxNodeCount:   pulumi.Int(hosts),
			LocationPolicy: pulumi.String("ANY"),
		}
		return
	}
	pool.NodeCount = pulumi.Int(hosts)
}
